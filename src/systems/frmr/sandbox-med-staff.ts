import { formatSnils } from "../../core/identifiers.ts";
import type { Card, Education, Named, Person, Worker, World } from "../sandbox-world.ts";

/** MedStaff 2.0.11 `Employee`, elements in the exporter's order (fact sheet 1.2); undefined ones are not written. */
export function employeeOf(worker: Worker, world: World): object {
  const person = world.people.get(worker.person);
  if (!person) throw new RangeError(`the sandbox world has no person ${worker.person}`);
  return written({
    AddressList: { Address: addressOf(person) },
    CardRecordList: { CardRecord: worker.cards.map((card) => cardRecordOf(card, world)) },
    CertificateEducationList: list("CertificateEducation", worker.certificates, certificateOf),
    DiplomaEducationList: list("DiplomaEducation", worker.diplomas, diplomaOf),
    Document: documentOf(person, worker),
    Extended: {
      CitezenshipState: { ID: person.citizenship ?? 1 },
      MarriageState: { ID: 1 },
      Phone: person.phone,
      HasChildren: false,
    },
    FIO: [person.family, person.given, person.middle].filter(Boolean).join(" "),
    General: {
      Birthdate: person.birthDate,
      Name: person.given,
      Patroname: person.middle,
      Sex: person.sex === "male" ? "Male" : "Female",
      Surname: person.family,
    },
    Organization: organizationOf(worker.organization, world),
    TimeFactList: "",
    VocationList: "",
    PostGraduateEducationList: list("PostGraduateEducation", worker.postgraduate, postGraduateOf),
    QualificationList: list("Qualification", worker.categories, ({ category, specialty, date }) => ({
      Category: ref(category),
      DateGet: date,
      Speciality: ref(specialty),
    })),
    RetrainmentList: list("Retrainment", worker.retraining, retrainingOf),
    SkillImprovementList: list("SkillImprovement", worker.improvement, improvementOf),
    AccreditationList: list("Accreditation", worker.accreditations, accreditationOf),
  }) as object;
}

const ref = (row: Named) => ({ ID: row.id, Name: row.name });

const organizationOf = (oid: string, world: World) => ({
  Name: world.organizations.get(oid)?.name,
  OID: oid,
});

const addressOf = (person: Person) => ({
  House: String(1 + (Number(person.esia.oid) % 90)),
  Location: { ID: "7700000000000" },
  PostIndex: "101000",
  Street: "Тестовая",
  Registration: { ID: 1 },
});

const cardRecordOf = (card: Card, world: World) => ({
  Care: { ID: 1 },
  Conditions: { ID: 2 },
  DateBegin: card.begin,
  DateEnd: card.end,
  OrderIn: card.orderIn,
  OrderOut: card.orderOut,
  Organization: organizationOf(card.organization, world),
  PositionType: { ID: card.positionType },
  Post: ref(card.post),
  SubdivisionName: card.department,
  Wage: card.rate.toFixed(2),
});

const documentOf = (person: Person, worker: Worker) => ({
  INN: person.inn,
  Issued: person.document?.issued,
  IssueDate: person.document?.issueDate,
  Number: person.document?.number,
  Serie: person.document?.series,
  SNILS: person.snils && formatSnils(person.snils),
  TabelNumber: worker.staffNumber,
  Type: person.document && { ID: person.document.type },
});

const certificateOf = (row: Education) => ({
  CertificateNumber: row.number,
  CertificateSerie: row.series,
  Institution: ref(row.institution),
  IssueDate: row.date,
  Speciality: ref(row.specialty),
});

const diplomaOf = (row: Education) => ({
  Aim: false,
  DiplomaSerie: row.series,
  DiplomaNumber: row.number,
  Institution: ref(row.institution),
  Speciality: ref(row.specialty),
  Type: row.type && ref(row.type),
  YearGraduation: row.date,
});

const postGraduateOf = (row: Education) => ({
  DateBegin: row.begin,
  DateDocum: row.date,
  DateEnd: row.end,
  DiplomaSerie: row.series,
  DiplomaNumber: row.number,
  Institution: ref(row.institution),
  Speciality: ref(row.specialty),
  Type: row.type && ref(row.type),
});

const retrainingOf = (row: Education) => ({
  DiplomaSerie: row.series,
  DiplomaNumber: row.number,
  Hours: row.hours,
  Institution: ref(row.institution),
  Speciality: ref(row.specialty),
  YearPassing: row.date.slice(0, 4),
});

const improvementOf = (row: Education) => ({
  DiplomaSerie: row.series,
  DiplomaNumber: row.number,
  Hours: row.hours,
  Institution: ref(row.institution),
  IssueDate: row.date,
  Speciality: ref(row.specialty),
});

const accreditationOf = (row: Education) => ({
  DiplomaRegNumber: row.number,
  VID: row.type && ref(row.type),
  Speciality: ref(row.specialty),
  Institution: ref(row.institution),
  IssueDate: row.date,
});

function list<T>(element: string, rows: readonly T[], toXml: (row: T) => object): object | undefined {
  return rows.length > 0 ? { [element]: rows.map(toXml) } : undefined;
}

/** Without undefined members: the `soap` package would write them as empty elements. */
function written(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== "object" || value === null) return value;
  const present = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(present.map(([name, member]) => [name, written(member)]));
}

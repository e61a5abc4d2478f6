import Type, { type TProperties, type TSchema } from "typebox";
import type { XmlElementModel, XmlModel } from "../../xml/model.ts";

export const medStaffNamespace = "http://service.rosminzdrav.ru/MedStaff";

// MedStaff 2.0.11 as МИС exporters write it, with its spelling; all values are text, as XML has them
const Text = Type.String();
// a day of the calendar: 31.02 is none, and 29.02 only in a leap year
const leapYear = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const Day = Type.String({
  pattern: `^(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|${leapYear}-02-29)$`,
});
const Year = Type.String({ pattern: "^\\d{4}$" });
const Whole = Type.String({ pattern: "^\\d+$" });
const Decimal = Type.String({ pattern: "^\\d+([.]\\d+)?$" });
const Ref = Type.Object({ ID: Text, Name: Type.Optional(Text) });
const OrganizationRef = Type.Object({ Name: Type.Optional(Text), OID: Text });

// elements stand in the order of the schema; any may be absent, and what MedStaff adds later is let through
const record = (elements: TProperties): TSchema => Type.Partial(Type.Object(elements));
const listOf = (name: string, elements: TProperties): TSchema =>
  record({ [name]: Type.Array(record(elements)) });

const CardRecord = {
  AdditionalLaborAgreement: Ref,
  Care: Ref,
  Conditions: Ref,
  DateBegin: Day,
  DateEnd: Day,
  IsVacation: Text,
  Military: Ref,
  OrderIn: Text,
  OrderOut: Text,
  Organization: OrganizationRef,
  Population: Text,
  PositionType: Ref,
  Post: Ref,
  PostType: Ref,
  Regime: Ref,
  SubdivisionName: Text,
  SubdivisionType: Ref,
  TypeIn: Ref,
  TypeInAdd: Ref,
  TypeInGoIn: Ref,
  TypeOut: Ref,
  TypeOutDel: Ref,
  TypeOutGoIn: Ref,
  Wage: Decimal,
};

const Document = Type.Object({
  INN: Type.Optional(Text),
  Issued: Type.Optional(Text),
  IssueDate: Type.Optional(Day),
  Number: Type.Optional(Text),
  Serie: Type.Optional(Text),
  SNILS: Type.String({ pattern: "^\\d{3}-\\d{3}-\\d{3}-\\d{2}$" }),
  TabelNumber: Type.Optional(Text),
  Type: Type.Optional(Ref),
});

const General = Type.Object({
  Birthdate: Type.Optional(Day),
  Deathdate: Type.Optional(Day),
  Name: Type.Optional(Text),
  Patroname: Type.Optional(Text),
  Sex: Type.Optional(Text),
  Surname: Text,
});

/** One worker of the registry; the shape check of an answer and, by `xmlModelOf`, how its XML becomes an object. */
export const Employee = Type.Object({
  AddressList: Type.Optional(
    listOf("Address", {
      Apartment: Text,
      Building: Text,
      House: Text,
      Location: Ref,
      PostIndex: Text,
      Street: Text,
      Housing: Text,
      RegistrationDateEnd: Day,
      Registration: Ref,
    }),
  ),
  AwardList: Type.Optional(listOf("Award", { AwardNomination: Ref, Issued: Day, Name: Text, Number: Text })),
  CardRecordList: Type.Optional(listOf("CardRecord", CardRecord)),
  CertificateEducationList: Type.Optional(
    listOf("CertificateEducation", {
      CertificateNumber: Text,
      CertificateSerie: Text,
      Institution: Ref,
      IssueDate: Day,
      Speciality: Ref,
    }),
  ),
  DiplomaEducationList: Type.Optional(
    listOf("DiplomaEducation", {
      Aim: Text,
      DiplomaSerie: Text,
      DiplomaNumber: Text,
      Institution: Ref,
      Speciality: Ref,
      TerritoryRf: Ref,
      Type: Ref,
      YearGraduation: Year,
    }),
  ),
  Document,
  Extended: Type.Optional(
    record({ CitezenshipState: Ref, MarriageState: Ref, Phone: Text, HasAuto: Text, HasChildren: Text }),
  ),
  FIO: Type.Optional(Text),
  General,
  Organization: Type.Optional(OrganizationRef),
  PostGraduateEducationList: Type.Optional(
    listOf("PostGraduateEducation", {
      Aim: Text,
      DateBegin: Day,
      DateDocum: Day,
      DateEnd: Day,
      Degree: Ref,
      DiplomaSerie: Text,
      DiplomaNumber: Text,
      Institution: Ref,
      Speciality: Ref,
      Type: Ref,
    }),
  ),
  QualificationList: Type.Optional(listOf("Qualification", { Category: Ref, DateGet: Day, Speciality: Ref })),
  RetrainmentList: Type.Optional(
    listOf("Retrainment", {
      DiplomaSerie: Text,
      DiplomaNumber: Text,
      Hours: Whole,
      Institution: Ref,
      Speciality: Ref,
      YearPassing: Year,
    }),
  ),
  SkillImprovementList: Type.Optional(
    listOf("SkillImprovement", {
      Cycle: Text,
      DiplomaSerie: Text,
      DiplomaNumber: Text,
      Hours: Whole,
      Institution: Ref,
      IssueDate: Day,
      Speciality: Ref,
      YearPassing: Year,
    }),
  ),
  SkipPaymentList: Type.Optional(listOf("SkipPayment", { DateBegin: Day, DateEnd: Day, Reason: Ref })),
  AccreditationList: Type.Optional(
    listOf("Accreditation", {
      DiplomaSerie: Text,
      DiplomaNumber: Text,
      DiplomaRegNumber: Text,
      VID: Ref,
      Speciality: Ref,
      ProfStandard: Ref,
      Institution: Ref,
      IssueDate: Day,
    }),
  ),
});

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
}

/** The XML model of a schema: members become elements of the MedStaff namespace, arrays repeat. */
export function xmlModelOf(schema: object): XmlModel {
  const elements = Object.entries((schema as JsonSchema).properties ?? {}).map(
    ([name, member]) => [name, elementModelOf(member)] as const,
  );
  return { elements: new Map(elements) };
}

function elementModelOf(schema: JsonSchema): XmlElementModel {
  const array = schema.items !== undefined;
  const item = schema.items ?? schema;
  return { array, ns: medStaffNamespace, content: item.properties && xmlModelOf(item) };
}

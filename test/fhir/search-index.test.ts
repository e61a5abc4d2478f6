import type { Resource } from "@medplum/fhirtypes";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { onBothEngines } from "../store/engines.ts";
import { indexIn } from "../support/search.ts";

const loinc = "http://loinc.org";
const icd = "urn:oid:1.2.643.5.1.13.13.11.1005";

const world: Resource[] = [
  {
    resourceType: "Organization",
    id: "hospital",
    name: "Берёзовская больница",
    identifier: [{ system: "urn:ietf:rfc:3986", value: "urn:oid:1.2.643.5.1" }],
  },
  {
    resourceType: "Organization",
    id: "ward",
    name: "Кардиология",
    partOf: { reference: "Organization/hospital" },
  },
  { resourceType: "Organization", id: "room", name: "Палата", partOf: { reference: "Organization/ward" } },
  {
    resourceType: "Patient",
    id: "anna",
    active: true,
    gender: "female",
    birthDate: "1985-05-10",
    name: [{ family: "Королёва", given: ["Анна", "Ивановна"] }],
    identifier: [
      {
        system: "urn:oid:1.2.643.100.3",
        value: "11223344595",
        type: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0203", code: "SS" }] },
      },
    ],
    telecom: [
      { system: "phone", value: "+7 (912) 345-67-89" },
      { system: "email", value: "Anna@Example.org" },
    ],
    managingOrganization: { reference: "Organization/hospital" },
    meta: {
      tag: [{ system: "urn:tag", code: "red" }],
      profile: ["https://p.example/patient|1.0"],
      lastUpdated: "2025-01-01T00:00:00Z",
    },
  },
  {
    resourceType: "Patient",
    id: "boris",
    gender: "male",
    birthDate: "1985",
    name: [{ family: "Петров-Водкин", given: ["Борис"] }],
    deceasedDateTime: "2020-03-04",
    managingOrganization: { reference: "https://gateway.example/fhir/Organization/ward" },
    meta: { lastUpdated: "2025-06-01T00:00:00Z" },
  },
  {
    resourceType: "Observation",
    id: "glucose",
    status: "final",
    code: { coding: [{ system: loinc, code: "15074-8" }] },
    subject: { reference: "Patient/anna" },
    effectiveDateTime: "2024-05-01T10:00:00+03:00",
    valueQuantity: { value: 6.3, unit: "ммоль/л", system: "http://unitsofmeasure.org", code: "mmol/L" },
  },
  {
    resourceType: "Observation",
    id: "pressure",
    status: "preliminary",
    code: { coding: [{ system: loinc, code: "85354-9" }] },
    subject: { reference: "Patient/boris", identifier: { system: "urn:s", value: "77" } },
    effectivePeriod: { start: "2024-04-01", end: "2024-04-30" },
    component: [
      {
        code: { coding: [{ system: loinc, code: "8480-6" }] },
        valueQuantity: { value: 140, code: "mm[Hg]", system: "http://unitsofmeasure.org" },
      },
      {
        code: { coding: [{ system: loinc, code: "8462-4" }] },
        valueQuantity: { value: 90, code: "mm[Hg]", system: "http://unitsofmeasure.org" },
      },
    ],
  },
  {
    resourceType: "Observation",
    id: "note",
    status: "final",
    code: { text: "без кода" },
    subject: { reference: "Patient/anna" },
    valueString: "Спокойный",
  } as Resource,
  {
    resourceType: "Condition",
    id: "i10",
    subject: { reference: "Patient/anna" },
    code: { coding: [{ system: icd, code: "I10" }] },
    onsetAge: { value: 30, system: "http://unitsofmeasure.org", code: "a" },
  },
  {
    resourceType: "Condition",
    id: "e119",
    subject: { reference: "Patient/boris" },
    code: { coding: [{ system: icd, code: "E11.9" }] },
  },
  { resourceType: "ValueSet", id: "vs", status: "active", url: "https://t.example/ValueSet/a/b" },
  {
    resourceType: "Provenance",
    id: "proof",
    target: [{ reference: "Observation/glucose/_history/2" }],
    recorded: "2024-05-02T00:00:00Z",
    agent: [{ who: { reference: "Patient/boris" } }],
  },
];

const below: Record<string, string[]> = { E11: ["E11", "E11.9"] };
const terminology = {
  codesOf: async (url: string) => (url === "urn:vs" ? [{ system: icd, code: "I10" }] : undefined),
  subtree: async (_system: string, code: string) => below[code],
  ancestors: async (_system: string, code: string) => (code === "E11.9" ? ["E11.9", "E11"] : undefined),
};

onBothEngines((store) => {
  const types = ["Organization", "Patient", "Observation", "Condition", "ValueSet", "Provenance"] as const;
  const index = indexIn(store, { types, terminology });
  it("holds the world", () => index.put(...world));

  describe.each<[query: string, ...ids: string[]]>([
    // string
    ["Patient?name=КОРОЛЕВ", "anna"],
    ["Patient?name=анна королёва", "anna"],
    ["Patient?family=водк", "boris"],
    ["Patient?given=нна"],
    ["Patient?given:exact=Анна", "anna"],
    ["Patient?given:exact=анна"],
    ["Organization?name=березов", "hospital"],
    ["Organization?name:contains=БОЛЬН", "hospital"],
    ["Organization?name=больница"],
    ["Organization?name:exact=Кардиология", "ward"],
    // token
    ["Patient?identifier=11223344595", "anna"],
    ["Patient?identifier=112-233-445 95", "anna"],
    ["Organization?identifier=urn:oid:1.2.643.5.1", "hospital"],
    ["Patient?identifier=https://fhir.ru/core/sid/snils|112-233-445 95", "anna"],
    ["Patient?identifier=urn:oid:1.2.643.100.3|", "anna"],
    ["Patient?identifier=|11223344595"],
    ["Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|SS|11223344595", "anna"],
    ["Patient?gender=female", "anna"],
    ["Patient?gender=http://hl7.org/fhir/administrative-gender|male", "boris"],
    ["Patient?gender:not=female", "boris"],
    ["Patient?active=true", "anna"],
    ["Patient?deceased=true", "boris"],
    ["Patient?phone=89123456789", "anna"],
    ["Patient?email=anna@example.org", "anna"],
    ["Patient?gender=female,male", "boris", "anna"],
    ["Patient?_tag=urn:tag|red", "anna"],
    ["Patient?_profile=https://p.example/patient", "anna"],
    ["Patient?_id=anna,boris", "boris", "anna"],
    ["Patient?active:missing=true", "boris"],
    ["Patient?active:missing=false", "anna"],
    ["Condition?code:below=urn:oid:1.2.643.5.1.13.13.11.1005|E11", "e119"],
    ["Condition?code:above=urn:oid:1.2.643.5.1.13.13.11.1005|E11.9", "e119"],
    ["Condition?code:in=urn:vs", "i10"],
    ["Condition?code:not-in=urn:vs", "e119"],
    // date
    ["Observation?date=2024-05-01", "glucose"],
    ["Observation?date=2024-05", "glucose"],
    ["Observation?date=2024-04", "pressure"],
    ["Observation?date=2024-04-15"],
    ["Observation?date=gt2024-04-15", "pressure", "glucose"],
    ["Observation?date=ge2024-05-01", "glucose"],
    ["Observation?date=lt2024-04-15", "pressure"],
    ["Observation?date=sa2024-04-30", "glucose"],
    ["Observation?date=eb2024-05-01", "pressure"],
    ["Observation?date=ne2024-05-01", "pressure"],
    ["Observation?date=2024-05-01T07:00:00Z", "glucose"],
    ["Observation?date=ge2024-04-01&date=le2024-04-30", "pressure"],
    ["Patient?birthdate=1985-05-10", "anna"],
    ["Patient?birthdate=1985", "boris", "anna"],
    ["Patient?birthdate=ge1985-05-01", "boris", "anna"],
    ["Patient?birthdate=sa1985-05-09", "anna"],
    ["Patient?birthdate=lt1985-05-10", "boris"],
    ["Patient?birthdate=ne1985-05-10", "boris"],
    ["Patient?birthdate=gt1970&birthdate=lt1990", "boris", "anna"],
    ["Patient?birthdate=gt1985-12-30", "boris"],
    ["Patient?birthdate=gt1985-12"],
    ["Patient?birthdate=gt1985-12-31"],
    ["Patient?birthdate=le1985-01-02", "boris"],
    ["Patient?birthdate=lt1985-01"],
    ["Patient?birthdate=lt1985-01-01"],
    ["Patient?death-date=2020-03-04", "boris"],
    ["Patient?_lastUpdated=gt2025-03", "boris"],
    // quantity
    ["Observation?value-quantity=6.3", "glucose"],
    ["Observation?value-quantity=6.30", "glucose"],
    ["Observation?value-quantity=6", "glucose"],
    ["Observation?value-quantity=gt6.3"],
    ["Observation?value-quantity=ge6.3|http://unitsofmeasure.org|mmol/L", "glucose"],
    ["Observation?value-quantity=6.3||ммоль/л", "glucose"],
    ["Observation?value-quantity=6.3|http://unitsofmeasure.org|mg/dL"],
    ["Observation?component-value-quantity=ap145", "pressure"],
    ["Condition?onset-age=lt31||a", "i10"],
    // reference
    ["Observation?subject=Patient/anna", "note", "glucose"],
    ["Observation?subject=anna", "note", "glucose"],
    ["Observation?subject:Patient=anna", "note", "glucose"],
    ["Observation?patient=https://gateway.example/fhir/Patient/boris", "pressure"],
    ["Observation?subject:identifier=urn:s|77", "pressure"],
    ["Organization?partof:below=hospital", "room", "ward", "hospital"],
    ["Organization?partof:above=room", "room", "ward", "hospital"],
    ["Provenance?target=Observation/glucose", "proof"],
    ["Patient?organization=Organization/ward", "boris"],
    // uri
    ["ValueSet?url=https://t.example/ValueSet/a/b", "vs"],
    ["ValueSet?url:below=https://t.example/ValueSet/a", "vs"],
    ["ValueSet?url:below=https://t.example/ValueSet/a/", "vs"],
    ["ValueSet?url:below=https://t.example/ValueSet/a/b/"],
    ["ValueSet?url:below=https://t.example/ValueSet/", "vs"],
    ["ValueSet?url:above=https://t.example/ValueSet/a/b/c", "vs"],
    // composite
    ["Observation?code-value-quantity=15074-8$gt6", "glucose"],
    ["Observation?code-value-quantity=15074-8$gt7"],
    ["Observation?code-value-quantity:missing=false", "glucose"],
    ["Observation?component-code-value-quantity=http://loinc.org|8480-6$140", "pressure"],
    ["Observation?component-code-value-quantity=8480-6$90"],
    ["Observation?combo-code-value-quantity=8462-4$lt100||mm[Hg]", "pressure"],
    // chains
    ["Observation?subject:Patient.name=корол", "note", "glucose"],
    ["Observation?patient.organization.name=карди", "pressure"],
    ["Observation?patient.organization.partof:missing=false", "pressure"],
    ["Observation?patient.gender:not=male", "note", "glucose"],
    ["Patient?_has:Observation:patient:code=15074-8", "anna"],
    ["Patient?_has:Observation:patient:_has:Provenance:target:recorded=2024-05-02", "anna"],
    ["Patient?_has:Observation:subject:status:not=final", "boris"],
    ["Organization?_has:Patient:organization:_has:Condition:patient:code=I10", "hospital"],
    // sort
    ["Observation?_sort=date", "pressure", "glucose", "note"],
    ["Observation?_sort=-date", "glucose", "pressure", "note"],
    ["Organization?_sort=name", "hospital", "ward", "room"],
    ["Patient?_sort=-_lastUpdated", "boris", "anna"],
    ["Observation?status=final&subject=Patient/anna&code:missing=true"],
  ])("%s", (query, ...ids) => {
    it(`finds ${ids.join(", ") || "nothing"}`, async () => {
      expect(await index.find(query)).toEqual(ids);
    });
  });

  it.each([
    "Patient?birthdate=1980-13",
    "Patient?birthdate=gt1981-02-29",
    "Patient?birthdate=1980-00",
    "Observation?value-quantity=6.3|mmol/L",
    "Observation?value-quantity=6.3|http://unitsofmeasure.org|",
    "Observation?value-quantity=6.3|",
  ])("%s is refused, not searched by a part of it", async (query) => {
    await expect(index.find(query)).rejects.toMatchObject({ code: "bad-request" });
  });

  it("a new version takes the place of the old one, a deletion leaves nothing", async () => {
    await index.put({
      resourceType: "Condition",
      id: "moving",
      subject: { reference: "Patient/anna" },
      recordedDate: "2024-01-01",
    });
    await index.put({
      resourceType: "Condition",
      id: "moving",
      subject: { reference: "Patient/boris" },
      recordedDate: "2025-01-01",
    });
    expect(await index.find("Condition?subject=Patient/anna")).toEqual(["i10"]);
    expect(await index.find("Condition?subject=Patient/boris&recorded-date=2025")).toEqual(["moving"]);
    expect(await index.find("Condition?recorded-date=2024")).toEqual([]);
    await index.remove("Condition", "moving");
    expect(await index.find("Condition?subject=Patient/boris")).toEqual(["e119"]);
  });

  it("what another tenant has is found beside one's own, in one order, when that is asked for", async () => {
    const other = indexIn(store, { types, tenant: "beside" });
    const about = { resourceType: "Condition", subject: { reference: "Patient/clara" } } as const;
    await index.put({ ...about, id: "own-1", recordedDate: "2024-01-01" });
    await other.put({ ...about, id: "theirs-1", recordedDate: "2024-01-02" });
    await index.put({ ...about, id: "own-2", recordedDate: "2024-01-03" });
    await other.put({ ...about, id: "theirs-2", recordedDate: "2024-01-04" });
    const query = "Condition?subject=Patient/clara";
    const shared = { tenant: "beside", type: "Condition", subjectBy: "subject" };
    const both = indexIn(store, { types, shared });
    const beside = { limit: 10, beside: "everybody's" } as const;
    expect(await both.find(query)).toEqual(["own-2", "own-1"]);
    expect(await both.find(query, beside)).toEqual(["theirs-2", "own-2", "theirs-1", "own-1"]);
    expect(await both.find(`${query}&_sort=recorded-date`, beside)).toEqual([
      "own-1",
      "theirs-1",
      "own-2",
      "theirs-2",
    ]);
    expect(await both.find(`${query}&_sort=-_lastUpdated`, { ...beside, limit: 2 })).toHaveLength(2);
    expect(await both.find(query, { ...beside, limit: 3 })).toEqual(["theirs-2", "own-2", "theirs-1"]);
    expect(await both.find(`${query}&recorded-date=2024-01-02`, beside)).toEqual(["theirs-1"]);
    expect(await both.find("Condition?subject=Patient/nobody", beside)).toEqual([]);
    const over = {
      id: "over",
      target: [{ reference: "Condition/theirs-1" }],
      recorded: "2031-01-01T00:00:00Z",
    };
    await both.put({ resourceType: "Provenance", agent: [{ who: {} }], ...over });
    const behind = "_has:Provenance:target:recorded=2031";
    expect(await both.find("Provenance?target:Condition.recorded-date=2024-01-02")).toEqual(["over"]);
    expect(await both.find(`Condition?${behind}`, beside)).toEqual(["theirs-1"]);
  });

  it("of another tenant, only what is in reach: about somebody, meeting a criterion, or with identifiers alone", async () => {
    const other = indexIn(store, { types, tenant: "beside" });
    const [system, mine, theirs] = ["urn:example:offices", "mine", "theirs"];
    const office = (value: string) => ({ identifier: { system, value } });
    const to = (reference: string) => ({ reference });
    const naming = (id: string, detail: object[]) =>
      other.put({ resourceType: "Condition", id, subject: to("Patient/dora"), evidence: [{ detail }] });
    await naming("of-office", [office(mine)]);
    await naming("of-colleague", [to("Observation/colleague"), office(mine)]);
    await naming("of-person", [to("Observation/me"), office(theirs)]);
    await naming("of-others", [to("Observation/colleague"), office(theirs)]);
    const detail = { name: "evidence-detail", type: "reference", documentation: "" } as const;
    const reach = {
      criteria: [{ parameter: detail, values: ["Observation/me"] }],
      identified: [{ parameter: detail, modifier: "identifier", values: [`${system}|${mine}`] }],
      subjects: () => sql`select 'nobody'::text`,
    };
    const shared = { tenant: "beside", type: "Condition", subjectBy: "subject" };
    const both = indexIn(store, { types, shared });
    const query = "Condition?subject=Patient/dora";
    expect(await both.find(query, { limit: 10, beside: reach })).toEqual(["of-person", "of-office"]);
    expect(await both.find(query, { limit: 10, beside: "everybody's" })).toHaveLength(4);
  });

  it("another tenant finds nothing", async () => {
    const other = indexIn(store, { types, tenant: "u" });
    expect(await other.find("Patient?gender=female")).toEqual([]);
    expect(await other.find("Patient")).toEqual([]);
    expect(await other.find("Patient?_id=anna")).toEqual([]);
  });
});

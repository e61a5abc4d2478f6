import type {
  CodeableConcept,
  Coding,
  Consent,
  ConsentProvision,
  ConsentProvisionActor,
  Reference,
} from "@medplum/fhirtypes";
import type { ConsentKind, Label, Right } from "../../access/access-facts.ts";
import { canonicalBase, identifierSystem } from "../../core/canonical.ts";
import type { Grantee, Named, StoredConsent } from "./consent-terms.ts";
import { rightsByText } from "./consent-text.ts";

const kindSystem = `${canonicalBase}/CodeSystem/consent-kind`;
const granteeSystem = `${canonicalBase}/CodeSystem/consent-grantee`;
const textVersionSystem = `${canonicalBase}/CodeSystem/consent-text-version`;
const withdrawal = `${canonicalBase}/StructureDefinition/consent-withdrawn`;
const actionSystem = "http://terminology.hl7.org/CodeSystem/consentaction";
const confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
const resourceTypes = "http://hl7.org/fhir/resource-types";

const scopes: Readonly<Record<ConsentKind, string>> = {
  processing: "patient-privacy",
  treatment: "treatment",
  access: "patient-privacy",
  prescription: "treatment",
};

// decisions.md: view = access, enter = collect and correct
const actionsOf: Readonly<Record<Right, readonly string[]>> = {
  view: ["access"],
  enter: ["collect", "correct"],
};

/** A consent as FHIR R4 Consent: what was agreed to stands in the provision, word for word in sourceAttachment. */
export function toConsent(consent: StoredConsent): Consent & { id: string } {
  const { id, kind, status, patient, grantor, text, grantedAt, withdrawnAt } = consent;
  return {
    resourceType: "Consent",
    id,
    ...(withdrawnAt !== undefined && {
      extension: [{ url: withdrawal, valueDateTime: instant(withdrawnAt) }],
    }),
    status,
    scope: concept("http://terminology.hl7.org/CodeSystem/consentscope", scopes[kind]),
    category: [concept(kindSystem, kind)],
    patient: reference("Patient", patient),
    dateTime: instant(consent.preparedAt),
    performer: [{ reference: `Patient/${grantor}` }],
    sourceAttachment: {
      contentType: "text/plain; charset=utf-8",
      language: "ru",
      title: text.title,
      data: Buffer.from(text.body).toString("base64"),
    },
    policyRule: concept(textVersionSystem, text.version),
    ...(grantedAt !== undefined && {
      verification: [
        {
          verified: true,
          verifiedWith: { reference: `Patient/${grantor}` },
          verificationDate: instant(grantedAt),
        },
      ],
    }),
    provision: provisionOf(consent),
  };
}

function provisionOf(consent: StoredConsent): ConsentProvision {
  const { decision, rights, types, labels, from, until, grantee } = consent;
  return {
    type: decision,
    ...((from !== undefined || until !== undefined) && {
      period: {
        ...(from !== undefined && { start: instant(from) }),
        ...(until !== undefined && { end: instant(until) }),
      },
    }),
    ...(grantee && { actor: actorsOf(grantee) }),
    ...(rights.length > 0 && {
      action: rights.flatMap((right) => actionsOf[right].map((code) => concept(actionSystem, code))),
    }),
    ...(labels && { securityLabel: labels.map((code) => ({ system: confidentiality, code })) }),
    ...(types && { class: types.map((code) => ({ system: resourceTypes, code })) }),
  };
}

function actorsOf({ practitioner, organization, booked }: Grantee): ConsentProvisionActor[] {
  const role = concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP");
  const references: Reference<never>[] = [
    ...(practitioner ? [reference("Practitioner", practitioner)] : []),
    ...(organization ? [organizationReference(organization)] : []),
    ...(booked ? [{ identifier: { system: granteeSystem, value: "booked" } }] : []),
  ];
  return references.map((each) => ({ role, reference: each }));
}

/** Reads a Consent that `toConsent` wrote. */
export function fromConsent(resource: Consent): StoredConsent {
  const { provision = {}, category, patient, sourceAttachment, policyRule, verification } = resource;
  const withdrawn = resource.extension?.find(({ url }) => url === withdrawal)?.valueDateTime;
  const granted = verification?.[0]?.verificationDate;
  const version = codeIn([policyRule ?? {}], textVersionSystem);
  const decision = provision.type === "deny" ? "deny" : "permit";
  return {
    id: resource.id ?? "",
    kind: codeIn(category, kindSystem) as ConsentKind,
    status: resource.status as StoredConsent["status"],
    decision,
    patient: namedOf(patient),
    grantor: idIn(resource.performer?.[0]?.reference),
    ...(provision.actor && { grantee: granteeOf(provision.actor) }),
    rights: rightsByText({ decision, rights: rightsIn(provision.action ?? []) }, version),
    ...(provision.class && { types: codesOf(provision.class) }),
    ...(provision.securityLabel && { labels: codesOf(provision.securityLabel) as Label[] }),
    from: millis(provision.period?.start),
    until: millis(provision.period?.end),
    text: {
      version,
      title: sourceAttachment?.title ?? "",
      body: Buffer.from(sourceAttachment?.data ?? "", "base64").toString("utf8"),
    },
    preparedAt: millis(resource.dateTime) ?? 0,
    grantedAt: millis(granted),
    withdrawnAt: millis(withdrawn),
  };
}

function granteeOf(actors: readonly ConsentProvisionActor[]): Grantee {
  const grantee: Grantee = {};
  for (const { reference: party } of actors) {
    if (party?.reference?.startsWith("Practitioner/")) grantee.practitioner = namedOf(party);
    else if (party?.identifier?.system === granteeSystem) grantee.booked = true;
    else if (party?.identifier?.system === identifierSystem.oid)
      grantee.organization = {
        ...namedOf(party),
        id: party.identifier.value?.replace(/^urn:oid:/, "") ?? "",
      };
  }
  return grantee;
}

function rightsIn(actions: readonly CodeableConcept[]): Right[] {
  const codes = new Set(actions.map((action) => codeIn([action], actionSystem)));
  return (["view", "enter"] as const).filter((right) => actionsOf[right].every((code) => codes.has(code)));
}

const concept = (system: string, code: string): CodeableConcept => ({ coding: [{ system, code }] });

const reference = (type: string, { id, name }: Named): Reference<never> => ({
  reference: `${type}/${id}`,
  ...(name && { display: name }),
});

const organizationReference = ({ id, name }: Named): Reference<never> => ({
  identifier: { system: identifierSystem.oid, value: `urn:oid:${id}` },
  ...(name && { display: name }),
});

const idIn = (text = ""): string => text.split("/").at(-1) ?? "";

const namedOf = (party: Reference | undefined): Named => ({
  id: idIn(party?.reference),
  ...(party?.display && { name: party.display }),
});

const codeIn = (concepts: readonly CodeableConcept[] = [], system: string): string =>
  concepts.flatMap(({ coding = [] }) => coding).find((coding) => coding.system === system)?.code ?? "";

const codesOf = (codings: readonly Coding[]): string[] => codings.flatMap(({ code }) => code ?? []);

const instant = (at: number): string => new Date(at).toISOString();

const millis = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Date.parse(text);

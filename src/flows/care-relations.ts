import type { Appointment, CareTeam, EpisodeOfCare, RelatedPerson, Resource } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import { sessionOwnerOf } from "../access/session-owner.ts";
import { canonicalBase, identifierKindOf } from "../core/canonical.ts";
import { isSnils, snilsDigits } from "../core/identifiers.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { ChangeListener } from "../fhir/repository.ts";
import { subjectOf } from "../fhir/subject.ts";
import {
  type RelationRow,
  type RepresentationRow,
  replaceRelations,
  replaceRepresentation,
} from "../store/access-facts.ts";
import type { Schema } from "../store/schema.ts";

/** Logical id of the Practitioner who holds a post; undefined for a PractitionerRole that nobody was given. */
export type HolderOf = (trx: Kysely<Schema>, roleId: string) => Promise<string | undefined>;

/** Keeps the facts of decide() in step with the resources that the registry office writes. */
export function accessFactListener(keyring: Keyring, holderOf: HolderOf): ChangeListener {
  return async (trx, { key, after }) => {
    if (key.type === "RelatedPerson") {
      const row = after?.resourceType === "RelatedPerson" ? representationOf(after, keyring) : undefined;
      await replaceRepresentation(trx, key, row);
    } else if (key.type === "CareTeam" || key.type === "EpisodeOfCare" || key.type === "Appointment") {
      const relations = after ? relationsOf(after, await holdersOf(trx, after, holderOf)) : [];
      // whose tenant wrote it is the organisation that assigns or books
      const rows = relations.map((relation) => ({ ...relation, organization: key.tenant }));
      await replaceRelations(trx, key, rows);
    }
  };
}

type Relation = Pick<RelationRow, "kind" | "patient" | "practitioner" | "ends_at">;

/** Practitioners by the PractitionerRoles that a resource names: a right belongs to the person. */
export type Holders = ReadonlyMap<string, string>;

async function holdersOf(trx: Kysely<Schema>, resource: Resource, holderOf: HolderOf): Promise<Holders> {
  const holders = new Map<string, string>();
  for (const { engaged } of engagementsOf(resource)) {
    const role = idIn(engaged, "PractitionerRole");
    const holder = role === undefined ? undefined : await holderOf(trx, role);
    if (role !== undefined && holder !== undefined) holders.set(role, holder);
  }
  return holders;
}

/** Whose patient a resource says somebody is; nothing for one that is not in force. */
export function relationsOf(resource: Resource, holders: Holders = new Map()): Relation[] {
  const patient = subjectOf(resource);
  if (patient === undefined) return [];
  const kind = resource.resourceType === "Appointment" ? "booked" : "assigned";
  // a worker may stand in a team twice: the longest stay counts
  const byWorker = new Map<string, number | null>();
  for (const { engaged, end } of engagementsOf(resource)) {
    const practitioner =
      idIn(engaged, "Practitioner") ?? holders.get(idIn(engaged, "PractitionerRole") ?? "");
    if (practitioner === undefined) continue;
    const known = byWorker.get(practitioner);
    const isLonger = known === undefined || end === null || (known !== null && end > known);
    if (isLonger) byWorker.set(practitioner, end);
  }
  return [...byWorker].map(([practitioner, end]) => ({ kind, patient, practitioner, ends_at: end }));
}

interface Engagement {
  /** a reference to a Practitioner, a PractitionerRole or whoever else takes part */
  engaged: string | undefined;
  /** clock milliseconds; null: no end */
  end: number | null;
}

function engagementsOf(resource: Resource): Engagement[] {
  switch (resource.resourceType) {
    case "CareTeam":
      return teamOf(resource);
    case "EpisodeOfCare":
      return managerOf(resource);
    case "Appointment":
      return bookedOf(resource);
    default:
      return [];
  }
}

function teamOf({ status = "active", period, participant = [] }: CareTeam): Engagement[] {
  if (status !== "active") return [];
  return participant.map(({ member, period: own }) => ({
    engaged: member?.reference,
    end: endOf(own?.end ?? period?.end),
  }));
}

function managerOf({ status, period, careManager }: EpisodeOfCare): Engagement[] {
  if (status !== "active" && status !== "planned" && status !== "onhold") return [];
  return [{ engaged: careManager?.reference, end: endOf(period?.end) }];
}

const bookedStates: readonly (Appointment["status"] | undefined)[] = [
  "booked",
  "arrived",
  "checked-in",
  "fulfilled",
];
// after the visit the doctor still writes it down (C-10: the rule by which the right ends)
const afterVisitMs = 30 * 86_400_000;

function bookedOf({ status, start, end, participant = [] }: Appointment): Engagement[] {
  const over = endOf(end ?? start);
  // without a time nobody could say when the right ends
  if (!bookedStates.includes(status) || over === null) return [];
  return participant
    .filter(({ status: answer }) => answer !== "declined")
    .map(({ actor }) => ({ engaged: actor?.reference, end: over + afterVisitMs }));
}

function idIn(reference: string | undefined, type: "Practitioner" | "PractitionerRole"): string | undefined {
  const [, named, id] = /(?:^|\/)(\w+)\/([A-Za-z0-9\-.]{1,64})$/.exec(reference ?? "") ?? [];
  return named === type ? id : undefined;
}

/** The end of a period: a day ends with its last millisecond, UTC. */
function endOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const at = Date.parse(isDay ? `${text}T23:59:59.999Z` : text);
  // a year or a month alone does not say when a right ends
  return Number.isNaN(at) || text.length < 10 ? 0 : at;
}

const parentCodes: ReadonlyMap<string | undefined, readonly (string | undefined)[]> = new Map([
  ["http://terminology.hl7.org/CodeSystem/v3-RoleCode", ["PRN", "MTH", "FTH", "ADOPTP", "GUARD"]],
  // мать, отец
  ["urn:oid:1.2.643.5.1.13.13.99.2.14", ["1", "2"]],
]);
const guardianSystem = `${canonicalBase}/CodeSystem/representation`;

/** Who represents a patient by law; undefined for other relatives and for one without СНИЛС. */
export function representationOf(
  person: RelatedPerson,
  keyring: Keyring,
): Omit<RepresentationRow, "tenant" | "id"> | undefined {
  const patient = subjectOf(person);
  const kind = kindOf(person);
  const stated = person.identifier?.find(({ system }) => identifierKindOf(system ?? "") === "snils")?.value;
  const snils = snilsDigits(stated ?? "");
  if (person.active === false || !patient || !kind || !snils || !isSnils(snils)) return undefined;
  const representative = sessionOwnerOf(keyring, snils);
  return { kind, patient, representative, ends_at: endOf(person.period?.end) };
}

function kindOf({ relationship = [] }: RelatedPerson): RepresentationRow["kind"] | undefined {
  const codings = relationship.flatMap(({ coding = [] }) => coding);
  if (codings.some(({ system, code }) => system === guardianSystem && code === "guardian-of-incapable"))
    return "guardian-of-incapable";
  const isParent = codings.some(({ system, code }) => parentCodes.get(system)?.includes(code));
  return isParent ? "parent" : undefined;
}

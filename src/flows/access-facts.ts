import type { Patient } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import type {
  CareRelation,
  ConsentFact,
  FactsOf,
  KnownFacts,
  Label,
  Representation,
  Right,
} from "../access/access-facts.ts";
import type { Cache } from "../cache/cache.ts";
import type { Clock } from "../core/clock.ts";
import type { Actor, RequestContext } from "../core/context.ts";
import {
  type AccessRows,
  type Asker,
  accessRowsOf,
  type ConsentRow,
  type RelationRow,
  type RepresentationRow,
} from "../store/access-facts.ts";
import type { ResourceStore } from "../store/resources.ts";
import type { Schema } from "../store/schema.ts";
import { fullYears } from "./full-years.ts";

export interface AccessFactsParts {
  db: Kysely<Schema>;
  cache: Cache;
  clock: Clock;
  resources: ResourceStore;
  /** ФРМР confirms the worker's post in the chosen organisation (M-41) */
  isActive(ctx: RequestContext): Promise<boolean>;
}

// a withdrawal does not wait for it: it raises the patient's generation
const cacheSeconds = 60;

/** Loads what decide() may know: three queries for any number of people, and none for one who was asked about lately. */
export function createFactsOf(parts: AccessFactsParts): FactsOf {
  return async (ctx, subjects) => {
    const { actor } = ctx;
    const isWorker = actor.kind === "practitioner" || actor.onBehalfOf !== undefined;
    const [rows, activeWorker] = await Promise.all([
      rowsOf(parts, ctx, subjects),
      isWorker ? parts.isActive(ctx) : undefined,
    ]);
    const ages = await agesOf(parts, rows.representations);
    const ofActor: KnownFacts = { activeWorker, signature: actor.signature };
    return (subject) =>
      subject === undefined ? ofActor : { ...ofActor, ...factsAbout(subject, rows, ages) };
  };
}

const askerOf = ({ kind, id, onBehalfOf, organization }: Actor): Asker => ({
  person: (kind === "client" ? onBehalfOf : id) ?? "",
  organization,
});

async function rowsOf(
  { db, cache }: AccessFactsParts,
  { actor }: RequestContext,
  subjects: readonly string[],
): Promise<AccessRows> {
  const asker = askerOf(actor);
  const [subject, ...others] = subjects;
  // a set loaded at once can't be kept one by one: a withdrawal in between would be missed
  if (subject === undefined || others.length > 0) return accessRowsOf(db, asker, subjects);
  const spec = {
    name: "access.facts",
    tenant: actor.tenant,
    key: [asker.person, asker.organization ?? "", subject],
    subjects: [subject],
    seconds: cacheSeconds,
  };
  return (await cache.getOrLoad(spec, () => accessRowsOf(db, asker, [subject]))).value;
}

/** Full years of those who are represented, from their Patient resources. */
async function agesOf(
  { db, resources, clock }: AccessFactsParts,
  representations: readonly RepresentationRow[],
): Promise<ReadonlyMap<string, number>> {
  const tenants = [...new Set(representations.map(({ tenant }) => tenant))];
  const found = await Promise.all(
    tenants.map((tenant) => {
      const theirs = representations.filter((row) => row.tenant === tenant);
      return resources.byIds(db, { tenant, type: "Patient", ids: theirs.map(({ patient }) => patient) });
    }),
  );
  return new Map(
    found.flat().flatMap(({ id, content }) => {
      const age = fullYears((content as Patient).birthDate, clock.now());
      return age === undefined ? [] : [[id, age] as const];
    }),
  );
}

function factsAbout(subject: string, rows: AccessRows, ages: ReadonlyMap<string, number>): KnownFacts {
  const isTheirs = ({ patient }: { patient: string }) => patient === subject;
  const consents = rows.consents.filter(isTheirs);
  return {
    consents: consents.map(consentFact),
    relations: rows.relations.filter(isTheirs).flatMap((row) => careRelations(row, consents)),
    representations: rows.representations.filter(isTheirs).map(representation),
    patientAge: ages.get(subject),
  };
}

const consentFact = (row: ConsentRow): ConsentFact => ({
  kind: row.kind,
  decision: row.decision,
  patient: row.patient,
  rights: row.rights as Right[],
  practitioner: row.practitioner ?? undefined,
  organization: row.organization ?? undefined,
  types: row.types ?? undefined,
  labels: (row.labels as Label[] | null) ?? undefined,
  from: row.starts_at ?? undefined,
  until: row.ends_at ?? undefined,
});

/** A booking opens as much as the patient permits to whom they book with (M-27, M-28): of itself nothing. */
function careRelations(row: RelationRow, consents: readonly ConsentRow[]): CareRelation[] {
  const { kind, patient, practitioner, organization, ends_at: end } = row;
  const relation = { kind, patient, practitioner, organization };
  if (kind === "assigned") return [{ ...relation, rights: ["view", "enter"], until: end ?? undefined }];
  return consents
    .filter((consent) => consent.booked && consent.kind === "access" && consent.decision === "permit")
    .map((consent) => ({
      ...relation,
      rights: consent.rights as Right[],
      until: earlier(end, consent.ends_at),
    }));
}

function earlier(one: number | null, other: number | null): number | undefined {
  if (one === null || other === null) return one ?? other ?? undefined;
  return Math.min(one, other);
}

const representation = ({ kind, patient, ends_at: end }: RepresentationRow): Representation => ({
  kind,
  patient,
  until: end ?? undefined,
});

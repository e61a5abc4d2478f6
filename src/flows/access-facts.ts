import type { Patient } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import type {
  CareRelation,
  ConsentFact,
  FactsOf,
  Label,
  Representation,
  Right,
} from "../access/access-facts.ts";
import type { PostTable } from "../access/post-rights.ts";
import { sessionOwnerOf } from "../access/session-owner.ts";
import type { Cache } from "../cache/cache.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import type { Keyring } from "../crypto/keyring.ts";
import {
  type Asker,
  type CardRows,
  type ConsentRow,
  cardRowsOf,
  type RelationRow,
  type RepresentationRow,
  relationRowsOf,
  representationRowsOf,
} from "../store/access-facts.ts";
import type { StorePool } from "../store/pool.ts";
import type { ResourceStore } from "../store/resources.ts";
import type { Schema } from "../store/schema.ts";
import { fullYears } from "./full-years.ts";
import type { Identities } from "./identities.ts";

export interface AccessFactsParts {
  db: Kysely<Schema>;
  pool: Pick<StorePool, "query">;
  cache: Cache;
  clock: Clock;
  resources: ResourceStore;
  identities: Identities;
  keyring: Keyring;
  /** posts in which ФРМР confirms the worker in the chosen organisation (M-41); undefined: not confirmed */
  postsOf(ctx: RequestContext): Promise<readonly string[] | undefined>;
  postTable: Pick<PostTable, "rightsOf">;
}

// a withdrawal does not wait for it: it raises the patient's generation
const cacheSeconds = 60;

/** Loads what decide() may know, in at most three queries for any number of people. */
export function createFactsOf(parts: AccessFactsParts): FactsOf {
  return async (ctx, subjects) => {
    const { actor } = ctx;
    if (actor.kind === "patient") return representativeFacts(parts, ctx, subjects);
    if (actor.kind === "client" && actor.onBehalfOf === undefined) return () => ({});
    return workerFacts(parts, ctx, subjects);
  };
}

async function workerFacts(
  parts: AccessFactsParts,
  ctx: RequestContext,
  subjects: readonly string[],
): ReturnType<FactsOf> {
  const { kind, id, onBehalfOf, organization, signature } = ctx.actor;
  const asker = { person: (kind === "client" ? onBehalfOf : id) ?? "", organization };
  const [posts, { consents, relations }] = await Promise.all([
    parts.postsOf(ctx),
    cardRows(parts, asker, { tenant: ctx.actor.tenant, subjects }),
  ]);
  const standing = {
    activeWorker: posts !== undefined,
    ...(posts && { post: parts.postTable.rightsOf(posts) }),
  };
  return (subject) => {
    const theirs = consents.filter(({ patient }) => patient === subject);
    const links = relations.filter(({ patient }) => patient === subject);
    return {
      ...standing,
      signature,
      consents: theirs.map(consentFact),
      relations: links.flatMap((row) => careRelations(row, theirs)),
    };
  };
}

async function cardRows(
  { pool, cache }: AccessFactsParts,
  asker: Asker,
  { tenant, subjects }: { tenant: string; subjects: readonly string[] },
): Promise<{ consents: readonly ConsentRow[]; relations: readonly RelationRow[] }> {
  const [subject, ...others] = subjects;
  if (subject === undefined) return { consents: [], relations: [] };
  // a set loaded at once can't be kept one by one: a withdrawal in between would be missed
  if (others.length > 0) return cardRowsOf(pool, asker, subjects);
  let loaded: CardRows | undefined;
  const spec = {
    name: "access.consents",
    tenant,
    key: [asker.person, asker.organization ?? ""],
    subjects: [subject],
    seconds: cacheSeconds,
  };
  const { value: consents } = await cache.getOrLoad(spec, async () => {
    loaded = await cardRowsOf(pool, asker, [subject]);
    return loaded.consents;
  });
  // nobody bumps for a relation, so it is read each time
  return { consents, relations: loaded?.relations ?? (await relationRowsOf(pool, asker, [subject])) };
}

/** A citizen who acts for others: a child under 15 or an incapable person. */
async function representativeFacts(
  parts: AccessFactsParts,
  { actor }: RequestContext,
  subjects: readonly string[],
): ReturnType<FactsOf> {
  const others = subjects.filter((subject) => subject !== actor.id);
  const identity = others.length > 0 ? await parts.identities.find(actor.id) : undefined;
  const owner = identity && sessionOwnerOf(parts.keyring, identity.value);
  const rows = owner ? await representationRowsOf(parts.db, owner, others) : [];
  const ages = await agesOf(parts, rows);
  return (subject) => ({
    representations: rows.filter(({ patient }) => patient === subject).map(representation),
    patientAge: subject === undefined ? undefined : ages.get(subject),
  });
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

export const consentFact = (row: ConsentRow): ConsentFact => ({
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
export function careRelations(row: RelationRow, consents: readonly ConsentRow[]): CareRelation[] {
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

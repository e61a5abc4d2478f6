import type { Kysely } from "kysely";
import { readGround } from "../access/ground-text.ts";
import { statedRights } from "../access/grounds.ts";
import { type Holding, holdingsOf } from "../access/holders.ts";
import { type PermitCode, permitReasons } from "../access/reasons.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { isGatewayError } from "../core/errors.ts";
import { grantRowsOf } from "../store/access-facts.ts";
import { type JournalRow, organizationOf } from "../store/journal-format.ts";
import type { JournalQuery, SearchJournal } from "../store/journal-search.ts";
import type { Schema } from "../store/schema.ts";
import { careRelations, consentFact } from "./access-facts.ts";
import { workerOf } from "./access-names.ts";
import { isActiveIn, nameOf } from "./consent/known-grantee.ts";
import type { Answered } from "./identities.ts";
import { mergedSources, orUnavailable, withBudget } from "./partial.ts";
import type { PractitionerDirectory } from "./practitioner-directory.ts";

export interface Worker {
  /** logical id */
  id: string;
  name?: string;
  /** ФРМР did not answer whether they are active in the organisation */
  unconfirmed?: true;
}

/** A holding with the workers' names. */
export type Holder = Omit<Holding, "practitioner" | "except"> & {
  practitioner?: Worker;
  except?: readonly Worker[];
};

export interface Holders {
  holders: Holder[];
  /** how many assigned or booked are not among them, too many to tell */
  unlisted: number;
}

/** Whose card, and where. */
export interface Card {
  /** logical id */
  patient: string;
  /** ФРМО OID */
  organization: string;
}

export type HoldersOf = (card: Card, ctx: RequestContext) => Promise<Answered<Holders>>;

export interface HolderParts {
  db: Kysely<Schema>;
  clock: Clock;
  search: SearchJournal;
  practitioners: PractitionerDirectory;
  /** how long an emergency that was stated counts as open */
  emergencySeconds: number;
}

const mostRelations = 200;
const alertsAtOnce = 200;
const askedAtOnce = 8;
// the list must not wait longer for a silent registry
const budgetMs = 3_000;

/**
 * Who of an organisation may open a patient's card now, and on what ground (M-42): whom ФРМР confirms in it, and whom it
 * could not tell of as unconfirmed.
 */
export const createHoldersOf =
  (parts: HolderParts): HoldersOf =>
  async (card, ctx) => {
    const { db, clock } = parts;
    const at = clock.now();
    const { consents, relations } = await grantRowsOf(db, card);
    const related = relations
      .flatMap((row) => careRelations(row, consents))
      .filter(({ until = Infinity }) => at < until);
    const grants = {
      ...card,
      relations: related.slice(0, mostRelations),
      consents: consents.map(consentFact),
    };
    const holdings = [...(await emergenciesOf(parts, card)), ...holdingsOf(grants, at)];
    const ids = new Set(
      holdings.flatMap(({ practitioner, except = [] }) => [practitioner ?? [], except].flat()),
    );
    const { value: workers, sources } = await workersIn(parts, { ids, ...card }, ctx);
    return {
      value: {
        holders: holdings.flatMap((holding) => withWorkers(holding, workers)),
        unlisted: related.length - grants.relations.length,
      },
      sources,
    };
  };

function withWorkers(
  { practitioner, except, ...rest }: Holding,
  workers: ReadonlyMap<string, Worker>,
): Holder[] {
  const worker = workers.get(practitioner ?? "");
  if (practitioner !== undefined && !worker) return [];
  const excepted = except?.flatMap((id) => workers.get(id) ?? []);
  return [
    { ...rest, ...(worker && { practitioner: worker }), ...(excepted?.length && { except: excepted }) },
  ];
}

/** What was opened past the patient and may be open still: each request states it anew. */
async function emergenciesOf(parts: HolderParts, { patient, organization }: Card): Promise<Holding[]> {
  const openMs = parts.emergencySeconds * 1_000;
  const latest = new Map<string, Holding>();
  for await (const row of alertsOf(parts, patient, parts.clock.now() - openMs)) {
    const practitioner = workerOf(row);
    const code = readGround(row.ground)?.reason.code as PermitCode | undefined;
    if (organizationOf(row) !== organization || !practitioner || !code) continue;
    const key = `${practitioner} ${code}`;
    const reason = permitReasons[code];
    if (!latest.has(key))
      latest.set(key, {
        ...{ practitioner, reason, rights: statedRights(code), from: row.at, until: row.at + openMs },
      });
  }
  return [...latest.values()];
}

/** All alerts about a person since a moment, newest first. */
async function* alertsOf(
  { search }: HolderParts,
  subject: string,
  since: number,
): AsyncGenerator<JournalRow> {
  let beyond: JournalQuery["beyond"];
  do {
    const found = await search({ subject, action: "alert", since, beyond, limit: alertsAtOnce });
    for (const { row } of found) yield row;
    const last = found.length < alertsAtOnce ? undefined : found.at(-1);
    beyond = last && { place: last.place, direction: "older" };
  } while (beyond);
}

/** Asks ФРМР of each, a few at a time; who is not active in the organisation is left out. */
async function workersIn(
  { practitioners, clock }: HolderParts,
  { ids, organization }: { ids: ReadonlySet<string>; organization: string },
  ctx: RequestContext,
): Promise<Answered<ReadonlyMap<string, Worker>>> {
  const hurried = withBudget(ctx, clock, budgetMs);
  const found: Answered<Worker | undefined>[] = [];
  const waiting = ids.values();
  const lane = async () => {
    for (const id of waiting) found.push(await workerIn(practitioners, { id, organization }, hurried));
  };
  await Promise.all(Array.from({ length: askedAtOnce }, lane));
  return {
    value: new Map(found.flatMap(({ value }) => (value ? [[value.id, value] as const] : []))),
    sources: mergedSources(found.flatMap(({ sources }) => sources)),
  };
}

async function workerIn(
  practitioners: PractitionerDirectory,
  { id, organization }: { id: string; organization: string },
  ctx: RequestContext,
): Promise<Answered<Worker | undefined>> {
  const asked = practitioners.cardById(id, ctx).catch((error: unknown) => {
    if (isGatewayError(error) && ["not-found", "person-not-found"].includes(error.code))
      return { value: undefined, sources: [] };
    throw error;
  });
  const { value, sources } = await orUnavailable("frmr", asked);
  if (sources.some(({ status }) => status === "unavailable"))
    return { value: { id, unconfirmed: true }, sources };
  const isHere = value && isActiveIn(value, organization);
  return { value: isHere ? { id, name: nameOf(value) } : undefined, sources };
}

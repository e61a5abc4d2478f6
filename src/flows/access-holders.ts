import type { Kysely } from "kysely";
import { readGround } from "../access/ground-text.ts";
import { type Holding, holdingsOf } from "../access/holders.ts";
import { type PermitCode, permitReasons } from "../access/reasons.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { isGatewayError } from "../core/errors.ts";
import { grantRowsOf } from "../store/access-facts.ts";
import { organizationOf } from "../store/journal-format.ts";
import type { SearchJournal } from "../store/journal-search.ts";
import type { Schema } from "../store/schema.ts";
import { careRelations, consentFact } from "./access-facts.ts";
import { workerOf } from "./access-names.ts";
import { isActiveIn, nameOf } from "./consent/known-grantee.ts";
import type { PractitionerDirectory } from "./practitioner-directory.ts";

export interface Worker {
  /** logical id */
  id: string;
  name: string;
}

/** A holding with the workers' names. */
export type Holder = Omit<Holding, "practitioner" | "except"> & {
  practitioner?: Worker;
  except?: readonly Worker[];
};

/** Whose card, and where. */
export interface Card {
  /** logical id */
  patient: string;
  /** ФРМО OID */
  organization: string;
}

export type HoldersOf = (card: Card, ctx: RequestContext) => Promise<Holder[]>;

export interface HolderParts {
  db: Kysely<Schema>;
  clock: Clock;
  search: SearchJournal;
  practitioners: PractitionerDirectory;
  /** how long an emergency that was stated counts as open */
  emergencySeconds: number;
}

const mostAlerts = 200;

/**
 * Who of an organisation may open a patient's card now, and on what ground (M-42); only workers whom ФРМР confirms in it.
 * Throws what the registry throws.
 */
export const createHoldersOf =
  (parts: HolderParts): HoldersOf =>
  async (card, ctx) => {
    const { db, clock, practitioners } = parts;
    const { consents, relations } = await grantRowsOf(db, card);
    const grants = {
      ...card,
      relations: relations.flatMap((row) => careRelations(row, consents)),
      consents: consents.map(consentFact),
    };
    const holdings = [...holdingsOf(grants, clock.now()), ...(await emergenciesOf(parts, card))];
    const ids = new Set(
      holdings.flatMap(({ practitioner, except = [] }) => [practitioner ?? [], except].flat()),
    );
    const found = await Promise.all(
      Array.from(ids, (id) => workerIn(practitioners, { id, organization: card.organization }, ctx)),
    );
    const workers = new Map(found.flatMap((worker) => (worker ? [[worker.id, worker] as const] : [])));
    return holdings.flatMap(({ practitioner, except, ...rest }): Holder[] => {
      const worker = workers.get(practitioner ?? "");
      if (practitioner !== undefined && !worker) return [];
      const excepted = except?.flatMap((id) => workers.get(id) ?? []);
      return [
        { ...rest, ...(worker && { practitioner: worker }), ...(excepted?.length && { except: excepted }) },
      ];
    });
  };

/** What was opened past the patient and may be open still: each request states it anew. */
async function emergenciesOf(
  { search, clock, emergencySeconds }: HolderParts,
  { patient, organization }: Card,
): Promise<Holding[]> {
  const openMs = emergencySeconds * 1_000;
  const found = await search({ subject: patient, since: clock.now() - openMs, limit: mostAlerts });
  const latest = new Map<string, Holding>();
  // newest first
  for (const { row } of found.toReversed()) {
    const practitioner = workerOf(row);
    const code = readGround(row.ground)?.reason.code;
    if (row.action !== "alert" || organizationOf(row) !== organization || !practitioner || !code) continue;
    const reason = permitReasons[code as PermitCode];
    latest.set(`${practitioner} ${code}`, {
      ...{ practitioner, reason, rights: ["view"], from: row.at, until: row.at + openMs },
    });
  }
  return [...latest.values()];
}

/** A worker with their name; undefined for who is not active in the organisation. */
async function workerIn(
  practitioners: PractitionerDirectory,
  { id, organization }: { id: string; organization: string },
  ctx: RequestContext,
): Promise<Worker | undefined> {
  try {
    const { value } = await practitioners.cardById(id, ctx);
    return isActiveIn(value, organization) ? { id, name: nameOf(value) } : undefined;
  } catch (error) {
    if (isGatewayError(error) && ["not-found", "person-not-found"].includes(error.code)) return undefined;
    throw error;
  }
}

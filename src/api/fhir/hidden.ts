import type { FastifyRequest } from "fastify";
import type { Kysely } from "kysely";
import type { AccessedResource } from "../../access/access-facts.ts";
import { holderOf } from "../../access/data-holder.ts";
import type { Decision } from "../../access/decide.ts";
import { groundText } from "../../access/ground-text.ts";
import type { Access } from "../../plugins/journal.ts";
import { hiddenAction } from "../../store/journal-format.ts";
import type { Schema } from "../../store/schema.ts";

type HiddenPerson = Omit<Access, "action">;

// of one answer: a search of a whole clinic must not write a row for everybody in it
const mostRows = 20;
const hiddenFrom = new WeakMap<FastifyRequest, Map<string, HiddenPerson>>();

/** Remembers whose data these decisions left out, each person once, until `journalHidden`. */
export function noteHidden(
  request: FastifyRequest,
  accessed: readonly AccessedResource[],
  decisions: readonly (Decision | undefined)[],
): void {
  for (const [index, resource] of accessed.entries()) {
    const { type, id, subject } = resource;
    const decision = decisions[index];
    if (!decision || decision.permit || subject === undefined) continue;
    const people = hiddenFrom.get(request) ?? new Map<string, HiddenPerson>();
    hiddenFrom.set(request, people);
    if (people.has(subject)) continue;
    const [holder, ground] = [holderOf(resource), groundText(decision)];
    people.set(subject, { holder, resourceType: type, resourceId: id, subject, ground });
  }
}

/**
 * Journals who was refused whose data by being left out of an answer: a row for each of the first people, then one with
 * the number of the others. The caller is told of none: nor are these rows among their own deeds.
 */
export async function journalHidden(request: FastifyRequest, action: string): Promise<void> {
  const accesses = hiddenAccesses(request, action);
  forgetHidden(request);
  await Promise.all(accesses.map((access) => request.journal(access, access.outcome)));
}

/** The same in a transaction, which may yet fail: the people are remembered until `forgetHidden`. */
export const journalHiddenIn = (
  trx: Kysely<Schema>,
  request: FastifyRequest,
  action: string,
): Promise<void> => request.journalIn(trx, hiddenAccesses(request, action));

export const forgetHidden = (request: FastifyRequest): boolean => hiddenFrom.delete(request);

function hiddenAccesses(request: FastifyRequest, action: string) {
  const people = hiddenFrom.get(request);
  if (!people) return [];
  const rows: HiddenPerson[] = [...people.values()].slice(0, mostRows);
  if (people.size > mostRows) rows.push({ ground: `further-people:${people.size - mostRows}` });
  const outcome = "access-denied";
  return rows.map((row) => ({ action: `${hiddenAction}${action}`, ...row, outcome }) as const);
}

import type { Kysely } from "kysely";
import type { Keyring } from "../crypto/keyring.ts";
import {
  chainOf,
  digestOf,
  type ExportedHead,
  type JournalHead,
  JournalKeys,
  leafOf,
  lineOf,
} from "./journal-format.ts";
import { unlistedGroup } from "./journal-index.ts";
import { lastPosition, type ReadGroup, sealedGroups, unsealedGroups } from "./journal-read.ts";
import { readHead } from "./journal-seal.ts";
import type { Schema } from "./schema.ts";

export interface JournalVerdict {
  ok: boolean;
  /** what is wrong first, in sealed order */
  finding?: Finding;
  sealedRows: number;
  /** committed rows that the sealer has not linked yet; their own hashes are checked */
  unsealedRows: number;
  /** of the sealed ones those that people's questions read from the list; the others are walked */
  listedRows: number;
  head: JournalHead;
}

export interface Finding {
  /** number of the first bad row in the sealed journal, from 1; absent when no single row is to blame */
  row?: number;
  reason: string;
}

export interface VerifyParts {
  db: Kysely<Schema>;
  keyring: Keyring;
  /** heads exported earlier: the journal must still hold everything that they cover */
  exported?: readonly ExportedHead[];
}

/** Recomputes every hash of the journal from its rows and checks the chain against the signed head. */
export async function verifyJournal(parts: VerifyParts): Promise<JournalVerdict> {
  const keys = new JournalKeys(parts.keyring);
  const head = await readHead(parts.db);
  const { rows: listedRows } = await parts.db
    .selectFrom("journal_index")
    .select("rows")
    .executeTakeFirstOrThrow();
  const verdict: JournalVerdict = { ok: true, sealedRows: 0, unsealedRows: 0, listedRows, head };
  const finding =
    headFinding(keys, head, parts.exported) ??
    (await sealedFinding(parts, keys, verdict)) ??
    (await tailFinding(parts, keys, verdict)) ??
    (await listFinding(parts, head));
  return finding ? { ...verdict, ok: false, finding } : verdict;
}

function headFinding(
  keys: JournalKeys,
  head: JournalHead,
  exported: readonly ExportedHead[] = [],
): Finding | undefined {
  // before the first seal the head is all zeros and unsigned
  const isGenuine = (one: JournalHead) => one.position === 0 || keys.isSigned(one);
  if (!isGenuine(head)) return { reason: "the head's signature is wrong" };
  if (!exported.every(isGenuine)) return { reason: "an exported head was not signed by this journal's key" };
  if (exported.some(({ position }) => head.position < position))
    return { row: head.rows + 1, reason: "the tail was cut: the exported head covers more rows" };
  return undefined;
}

async function sealedFinding(
  { db, exported }: VerifyParts,
  keys: JournalKeys,
  verdict: JournalVerdict,
): Promise<Finding | undefined> {
  const { head } = verdict;
  let chain = "";
  let position = 0;
  for await (const group of sealedGroups(db, head.position)) {
    position++;
    const rowsBefore = verdict.sealedRows;
    chain = chainOf(chain, { position, rowsBefore, rowCount: group.rowCount, digest: group.digest });
    const bad = groupFinding(keys, group) ?? linkFinding(group, { position, rowsBefore, chain }, exported);
    if (bad) return { ...bad, row: rowsBefore + (bad.row ?? 1) };
    verdict.sealedRows += group.rowCount;
  }
  const isWhole = position === head.position && chain === head.chain && verdict.sealedRows === head.rows;
  return isWhole
    ? undefined
    : { row: verdict.sealedRows + 1, reason: "the tail was cut: the head covers more rows" };
}

/** What is wrong about a group's place behind the groups before it. */
function linkFinding(
  group: ReadGroup,
  expected: { position: number; rowsBefore: number; chain: string },
  exported: readonly ExportedHead[] = [],
): Finding | undefined {
  const { position, rowsBefore, chain } = expected;
  if (group.position !== position) return { reason: "rows were removed" };
  if (group.chain !== chain || group.rowsBefore !== rowsBefore)
    return { reason: "the chain is broken: rows were reordered or replaced" };
  if (exported.some((earlier) => earlier.position === position && earlier.chain !== chain))
    return { reason: "the journal is not the one that the exported head covers" };
  return undefined;
}

async function tailFinding(
  { db }: VerifyParts,
  keys: JournalKeys,
  verdict: JournalVerdict,
): Promise<Finding | undefined> {
  for await (const group of unsealedGroups(db, verdict.head.position)) {
    const bad = groupFinding(keys, group);
    if (bad) return { reason: `unsealed tail: ${bad.reason}` };
    verdict.unsealedRows += group.rowCount;
  }
  // groups and head move in one transaction, so a head read later can't be behind
  const last = await lastPosition(db);
  return last > (await readHead(db)).position ? { reason: "the head was set back" } : undefined;
}

const groupsAtOnce = 100;

/** What was taken out of the list that people's rows are found by, so that they would not see it. */
async function listFinding(parts: VerifyParts, head: JournalHead): Promise<Finding | undefined> {
  let batch: ReadGroup[] = [];
  const missing = async () => {
    const groups = batch.map(({ id, rows }) => ({ id, rows: rows.map(({ row }) => row) }));
    const id = await unlistedGroup(parts, groups);
    const group = batch.find((one) => one.id === id);
    batch = [];
    return group && { row: (group.rowsBefore ?? 0) + 1, reason: "rows are left out of the list of entries" };
  };
  for await (const group of sealedGroups(parts.db, head.position)) {
    batch.push(group);
    const found = batch.length === groupsAtOnce ? await missing() : undefined;
    if (found) return found;
  }
  return missing();
}

/** What is wrong inside a group; `row` counts from 1 within it. */
function groupFinding(keys: JournalKeys, group: ReadGroup): Finding | undefined {
  if (keys.groupMac(group.rowCount, group.digest) !== group.mac)
    return { row: 1, reason: "the group's keyed hash is wrong" };
  const changed = group.rows.findIndex(({ row, mac }) => keys.rowMac(row) !== mac);
  if (changed >= 0) return { row: changed + 1, reason: "the row was changed" };
  if (group.rows.length < group.rowCount) return { row: 1, reason: "a row was removed" };
  if (group.rows.length > group.rowCount) return { row: 1, reason: "a row was added" };
  const digest = digestOf(group.rows.map((row) => leafOf(lineOf(row))));
  return digest === group.digest ? undefined : { row: 1, reason: "rows were reordered or replaced" };
}

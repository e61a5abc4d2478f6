import type { Kysely } from "kysely";
import type { Keyring } from "../crypto/keyring.ts";
import { actingOrganizationsOf, type JournalRow, leafOf, lineOf } from "./journal-format.ts";
import { type ReadGroup, sealedGroups } from "./journal-read.ts";
import { currentHead } from "./journal-seal.ts";
import type { Schema } from "./schema.ts";

export interface ExportParts {
  db: Kysely<Schema>;
  keyring: Keyring;
  /**
   * ФРМО OID: rows of other organisations are withheld, only their hash stands in the export. So are those of what
   * others did to its data: a row is hashed whole, and would tell their system's address and token
   */
  tenant?: string;
}

/**
 * The sealed journal as NDJSON lines: a first line that names the format, one line a row, the signed head last.
 * scripts/verify-journal-export.mjs checks such a file alone.
 */
export async function* exportJournal({ db, keyring, tenant }: ExportParts): AsyncGenerator<string> {
  const head = await currentHead({ db, keyring });
  yield JSON.stringify({ format: "cabinet-gateway-journal", version: 1, tenant: tenant ?? null });
  for await (const group of sealedGroups(db, head.position)) yield* rowLines(group, tenant);
  yield JSON.stringify({ head });
}

function* rowLines(group: ReadGroup, tenant?: string): Generator<string> {
  for (const [index, { row, mac }] of group.rows.entries()) {
    const n = index + 1;
    const seq = (group.rowsBefore ?? 0) + n;
    const place = `{"seq":${seq},"position":${group.position},"n":${n},"of":${group.rowCount}`;
    const isShown = !tenant || actingOrganizationsOf(JSON.parse(row) as JournalRow).includes(tenant);
    yield isShown
      ? `${place},"mac":"${mac}","row":${row}}`
      : `${place},"leaf":"${leafOf(lineOf({ mac, row }))}"}`;
  }
}

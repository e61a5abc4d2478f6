import type { Keyring } from "../crypto/keyring.ts";
import { isOfSystem, type JournalRow } from "./journal-format.ts";

/** Of a row what may be personal; why not under the patient's key: docs/decisions/010-journal-queries.md. */
type Circumstances = Pick<JournalRow, "address" | "query">;

const domain = "journal-circumstances";
const longestQuery = 1_024;
const cutMark = "…";

/** True for a query of which only the beginning was kept. */
export const isCut = (query: string): boolean => query.endsWith(cutMark);

const bounded = (query: string | undefined): string | undefined =>
  query && query.length > longestQuery ? query.slice(0, longestQuery) + cutMark : query;

/**
 * Seals what may be personal in a row, bound to its request, in base64url; undefined when there is nothing. The rows
 * of one request come together and share the work.
 */
export function createCircumstanceSeal(
  keyring: Pick<Keyring, "seal">,
): (row: JournalRow) => string | undefined {
  let last: { requestId: string; plain: string; sealed: string } | undefined;
  return (row) => {
    const address = isOfSystem(row) ? undefined : row.address;
    if (address === undefined && row.query === undefined) return undefined;
    const { requestId } = row;
    const plain = JSON.stringify({ address, query: bounded(row.query) } satisfies Circumstances);
    if (last?.requestId !== requestId || last.plain !== plain) {
      const sealed = keyring.seal(domain, Buffer.from(plain), requestId);
      last = { requestId, plain, sealed: Buffer.from(sealed).toString("base64url") };
    }
    return last.sealed;
  };
}

/**
 * A row as it was appended. What does not open is left out: the row was changed, which the verification tells, or the
 * root key is another one, which the keyed hashes of all rows tell it.
 */
export function readRow(keyring: Pick<Keyring, "open">, text: string): JournalRow {
  const { sealed, ...row } = JSON.parse(text) as JournalRow & { sealed?: string };
  if (sealed === undefined) return row;
  try {
    const plain = keyring.open(domain, Buffer.from(sealed, "base64url"), row.requestId);
    return { ...row, ...(JSON.parse(Buffer.from(plain).toString("utf8")) as Circumstances) };
  } catch {
    return row;
  }
}

import { expect, it } from "vitest";
import { rowOf } from "../../test/store/journal-rows.ts";
import { createKeyring } from "../crypto/keyring.ts";
import { createCircumstanceSeal, isCut, readRow } from "./journal-circumstances.ts";
import { type JournalRow, rowText } from "./journal-format.ts";

const keyring = createKeyring(new Uint8Array(32).fill(3));
const sealed = createCircumstanceSeal(keyring);
const written = (row: JournalRow) => rowText(row, sealed(row));

const address = "192.0.2.7";
const query = 'Patient?name="Тестова"';

it.each<[string, Partial<JournalRow>, boolean]>([
  ["a worker in person", { actorKind: "practitioner" }, false],
  ["a citizen", { actorKind: "patient", tenant: "" }, false],
  ["nobody known", { actorId: "anonymous", tenant: "" }, false],
  ["a registered system", {}, true],
])("the query of %s is sealed, the address too unless a system's", (_who, fields, isClear) => {
  const row = rowOf(1, { ...fields, address, query });
  const text = written(row);
  expect(text).not.toMatch(/Patient\?name|Тестова/);
  expect(text.includes(address)).toBe(isClear);
  expect(readRow(keyring, text)).toEqual(row);
});

it("rows of one request share what is sealed; of another request it does not open", () => {
  const rows = [1, 2].map((n) => rowOf(n, { requestId: "one", query }));
  const [first, second] = rows.map((row) => JSON.parse(written(row)).sealed);
  expect(second).toBe(first);
  const moved = rowOf(3, { requestId: "other" });
  expect(readRow(keyring, rowText(moved, first))).toEqual(moved);
  expect(JSON.parse(written(rowOf(4, { requestId: "one", query: "Patient?name=x" }))).sealed).not.toBe(first);
});

it("of a long query the beginning is kept, and shows that it is one", () => {
  const long = `Patient?name=${"я".repeat(10_000)}`;
  const { query: kept = "" } = readRow(keyring, written(rowOf(1, { query: long })));
  expect(kept).toHaveLength(1_025);
  expect([isCut(kept), long.startsWith(kept.slice(0, -1)), isCut(query)]).toEqual([true, true, false]);
});

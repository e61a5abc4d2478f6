import type { FastifyReply } from "fastify";
import type { SandboxSystem } from "../sandbox-system.ts";
import { type Dictionary, type Row, readDictionaries, type Version } from "./sandbox-dictionaries.ts";

interface Query {
  userKey?: string;
  identifier?: string;
  version?: string;
  page?: string;
  size?: string;
  columns?: string;
  filters?: string | string[];
  sorting?: string;
  sortingDirection?: string;
  name?: string;
  date1?: string;
  date2?: string;
}

/** A refusal in the service's own envelope: HTTP 200, `result: ERROR`. */
class Refusal extends Error {}

/** Folder of saved answers at full size; the project's small dictionaries when it is not set. */
export function nsiSandbox(folder?: string): SandboxSystem {
  return {
    name: "nsi",
    title: "ФР НСИ: справочники",
    operations: [
      { name: "searchDictionary", grade: "A", note: "параметры и ответ подтверждены" },
      { name: "versions", grade: "A", note: "подтверждён" },
      { name: "passport", grade: "A", note: "подтверждён" },
      { name: "data", grade: "A", note: "подтверждён; фильтры EXACT и LIKE" },
      { name: "compare", grade: "B", note: "параметры подтверждены, строка ответа наша" },
      { name: "types", grade: "B", note: "путь подтверждён" },
    ],
    scenarios: {},
    wrongSchema: { contentType: "application/json; charset=utf-8", body: '{"result":"OK","list":"none"}' },

    async register(app) {
      const dictionaries = await readDictionaries(folder);
      const methods: Readonly<Record<string, (query: Query) => object>> = {
        searchDictionary: (query) => searchDictionary(dictionaries, query),
        versions: (query) => versions(named(dictionaries, query), query),
        passport: (query) => passport(named(dictionaries, query), query),
        data: (query) => rows(named(dictionaries, query), query),
        compare: (query) => compare(named(dictionaries, query), query),
        types: () => ({ list: [{ id: 1, name: "Справочник" }] }),
      };
      app.get<{ Params: { method: string }; Querystring: Query }>(
        "/port/rest/:method",
        ({ params, query }, reply) => {
          const method = methods[params.method];
          return method ? answer(reply, query, method) : reply.code(404).send({ message: "Not Found" });
        },
      );
    },
  };
}

function answer(reply: FastifyReply, query: Query, method: (query: Query) => object) {
  reply.type("application/json; charset=utf-8");
  try {
    if (!query.userKey) throw new Refusal("Не указан userKey");
    return reply.send({ result: "OK", resultText: null, resultCode: null, ...method(query) });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return reply.send({ result: "ERROR", resultText: error.message, resultCode: "1" });
  }
}

function named(dictionaries: readonly Dictionary[], { identifier }: Query): Dictionary {
  const found = dictionaries.find(
    ({ oid, aliases }) => oid === identifier || aliases.includes(identifier ?? ""),
  );
  if (!found) throw new Refusal("Справочник не найден");
  return found;
}

function versionOf(dictionary: Dictionary, { version }: Query): Version {
  const found = version ? dictionary.versions.find((one) => one.version === version) : dictionary.versions[0];
  if (!found) throw new Refusal("Версия справочника не найдена");
  return found;
}

function searchDictionary(dictionaries: readonly Dictionary[], query: Query) {
  const { identifier, name } = query;
  const found = dictionaries
    .filter(({ oid, aliases }) => !identifier || oid === identifier || aliases.includes(identifier))
    .filter(({ fullName }) => !name || fullName.toLowerCase().includes(name.toLowerCase()))
    .map((dictionary) => ({
      oid: dictionary.oid,
      version: dictionary.versions[0]?.version,
      fullName: dictionary.fullName,
      rowsCount: dictionary.versions[0]?.count,
    }));
  return { total: found.length, list: pageOf(found, query) };
}

function versions(dictionary: Dictionary, query: Query) {
  const list = dictionary.versions.map(({ version, publishDate }) => ({
    version,
    createDate: publishDate,
    publishDate,
    lastUpdate: publishDate,
  }));
  return { total: list.length, list: pageOf(list, query) };
}

function passport(dictionary: Dictionary, query: Query) {
  const version = versionOf(dictionary, query);
  return version.passport;
}

function rows(dictionary: Dictionary, query: Query) {
  const version = versionOf(dictionary, query);
  const tests = [query.filters ?? []].flat().map(filterOf);
  const found = version.rows().filter((row) => tests.every((test) => test(row)));
  if (query.sorting) found.sort(bySorting(query.sorting, query.sortingDirection));
  const columns = query.columns?.split(",");
  const list = pageOf(found, query).map((row) =>
    Object.entries(row)
      .filter(([column]) => !columns || columns.includes(column))
      .map(([column, value]) => ({ column, value })),
  );
  return { total: found.length, list };
}

function filterOf(text: string): (row: Row) => boolean {
  const [field = "", wanted = "", mode] = text.split("|");
  if (mode === "EXACT") return (row) => row[field] === wanted;
  if (mode === "LIKE") return (row) => (row[field] ?? "").toLowerCase().includes(wanted.toLowerCase());
  throw new Refusal("Фильтр указывается как FIELD|VALUE|EXACT или FIELD|VALUE|LIKE");
}

const bySorting = (field: string, direction?: string) => (a: Row, b: Row) =>
  (direction === "DESC" ? -1 : 1) * (a[field] ?? "").localeCompare(b[field] ?? "", "ru", { numeric: true });

/** What was added, removed or changed between the versions in force on two days. */
function compare(dictionary: Dictionary, query: Query) {
  if (!query.date1) throw new Refusal("Не указан date1");
  const before = inForce(dictionary, query.date1);
  const after = inForce(dictionary, query.date2);
  const key = dictionary.primary;
  const old = new Map(before.map((row) => [row[key], row]));
  const now = new Map(after.map((row) => [row[key], row]));
  const list = [
    ...after.filter((row) => !old.has(row[key])).map((row) => ({ operation: "INSERT", row })),
    ...before.filter((row) => !now.has(row[key])).map((row) => ({ operation: "DELETE", row })),
    ...after
      .filter((row) => old.has(row[key]) && JSON.stringify(old.get(row[key])) !== JSON.stringify(row))
      .map((row) => ({ operation: "UPDATE", row })),
  ];
  return { total: list.length, list: pageOf(list, query) };
}

function inForce(dictionary: Dictionary, date?: string): Row[] {
  const limit = date === undefined ? "9999" : sortable(date);
  const version = dictionary.versions.find(({ publishDate }) => sortable(publishDate) <= limit);
  return version ? version.rows() : [];
}

/** `dd.MM.yyyy HH:mm` or ISO, as text that sorts by time. */
const sortable = (date: string) => date.replace(/^(\d\d)\.(\d\d)\.(\d{4})/, "$3-$2-$1");

function pageOf<T>(all: readonly T[], { page, size }: Query): T[] {
  const length = Math.min(Math.max(Number(size) || 100, 1), 1000);
  const index = Math.max(Number(page) || 1, 1) - 1;
  return all.slice(index * length, (index + 1) * length);
}

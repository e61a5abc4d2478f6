import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { LRUCache } from "lru-cache";

export type Row = Record<string, string | null>;

export interface Version {
  version: string;
  /** dd.MM.yyyy HH:mm */
  publishDate: string;
  count: number;
  passport: object;
  /** a fresh array; a large dictionary is read from disk when asked for */
  rows(): Row[];
}

export interface Dictionary {
  oid: string;
  fullName: string;
  aliases: readonly string[];
  primary: string;
  /** newest first */
  versions: readonly Version[];
}

const ownFolder = new URL("../../../fixtures/nsi/", import.meta.url);

/** The project's small dictionaries, or a folder of saved answers `{oid}_{version}_passport.json` and `…_part{n}.json`. */
export async function readDictionaries(folder?: string): Promise<Dictionary[]> {
  const base = folder ? pathToFileURL(`${folder}/`) : ownFolder;
  const names = (await readdir(base)).filter((name) => name.endsWith(".json")).sort();
  if (!folder) return Promise.all(names.map(async (name) => ownDictionary(await json(new URL(name, base)))));
  const passports = names.filter((name) => name.endsWith("_passport.json"));
  return Promise.all(passports.map((name) => savedDictionary(base, name, names)));
}

interface OwnFile {
  oid: string;
  fullName: string;
  aliases: string[];
  keys: Record<string, string>;
  versions: { version: string; publishDate: string; rows: Row[] }[];
}

function ownDictionary(file: OwnFile): Dictionary {
  return {
    oid: file.oid,
    fullName: file.fullName,
    aliases: file.aliases,
    primary: file.keys.PRIMARY ?? "ID",
    versions: file.versions.map((version) => ({
      version: version.version,
      publishDate: version.publishDate,
      count: version.rows.length,
      passport: passportOf(file, version),
      rows: () => [...version.rows],
    })),
  };
}

function passportOf(file: OwnFile, version: OwnFile["versions"][number]) {
  const fields = Object.keys(version.rows[0] ?? {});
  return {
    oid: file.oid,
    version: version.version,
    rowsCount: version.rows.length,
    createDate: version.publishDate,
    publishDate: version.publishDate,
    lastUpdate: version.publishDate,
    fullName: file.fullName,
    shortName: file.fullName,
    hierarchical: file.keys.FOREIGN !== undefined,
    fields: fields.map((field) => ({ field, dataType: "VARCHAR", alias: field, description: "" })),
    keys: Object.entries(file.keys).map(([type, field]) => ({ field, type })),
    codes: [
      { value: file.oid, type: "TYPE_PRIMARY" },
      ...file.aliases.map((value) => ({ value, type: "TYPE_OTHER" })),
    ],
  };
}

interface SavedPassport {
  oid: string;
  version: string;
  publishDate: string;
  rowsCount: number;
  fullName: string;
  keys?: { field: string; type: string }[];
  codes?: { value: string; type: string }[];
}

async function savedDictionary(base: URL, name: string, names: readonly string[]): Promise<Dictionary> {
  const passport = await json<SavedPassport>(new URL(name, base));
  const stem = name.replace("_passport.json", "_part");
  const parts = names
    .filter((part) => part.startsWith(stem))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return {
    oid: passport.oid,
    fullName: passport.fullName,
    aliases: (passport.codes ?? []).filter(({ type }) => type === "TYPE_OTHER").map(({ value }) => value),
    primary: passport.keys?.find(({ type }) => type === "PRIMARY")?.field ?? "ID",
    versions: [
      {
        version: passport.version,
        publishDate: passport.publishDate,
        count: passport.rowsCount,
        passport,
        rows: () => [...savedRows(parts.map((part) => new URL(part, base)))],
      },
    ],
  };
}

// a dictionary is paged through by many requests, and its file is parsed once for them
const parsed = new LRUCache<string, Row[]>({ max: 8 });

function savedRows(files: readonly URL[]): Row[] {
  const key = files.map(String).join(" ");
  const rows = parsed.get(key) ?? files.flatMap(rowsIn);
  parsed.set(key, rows);
  return rows;
}

function rowsIn(file: URL): Row[] {
  const { list } = JSON.parse(readFileSync(file, "utf8")) as {
    list: { column: string; value: string | null }[][];
  };
  return list.map((cells) => Object.fromEntries(cells.map(({ column, value }) => [column, value])));
}

async function json<T>(file: URL): Promise<T> {
  return JSON.parse(await readFile(file, "utf8")) as T;
}

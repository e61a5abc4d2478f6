import { readdir, readFile } from "node:fs/promises";
import { GatewayError } from "../../core/errors.ts";
import type { FmlMap } from "../../fml/ast.ts";
import type { ConceptMapTable } from "../../fml/concept-map.ts";
import { conceptMapFromCsv } from "../../fml/concept-map-csv.ts";
import type { LogicalModel } from "../../fml/logical-model.ts";
import { parseMap } from "../../fml/parser.ts";

/** What `mapping.json` says of a message's wire format. */
export interface WireFacts {
  /** element that one record stands in; a part of the model's root when the map takes parameters beside it */
  readonly root: string;
  readonly namespace?: string;
  /** members of the model's root that are no part of the message, such as the instant of the answer */
  readonly parameters: readonly string[];
}

/** One folder `mappings/<system>/<message>`. */
export interface Message {
  /** `<system>-<message>` */
  readonly id: string;
  readonly wire: WireFacts;
  readonly model: LogicalModel | undefined;
}

export interface CatalogueMap {
  readonly file: URL;
  readonly text: string;
  readonly map: FmlMap;
  readonly message: Message;
}

export interface CatalogueTable {
  /** `<system>-<message>-<file name>`, also the id of its ConceptMap */
  readonly id: string;
  readonly table: ConceptMapTable;
}

export interface MappingCatalogue {
  readonly maps: readonly CatalogueMap[];
  readonly tables: readonly CatalogueTable[];
}

/** The messages under a folder; what is read again takes the place of what was read before. */
export class Catalogue implements MappingCatalogue {
  readonly #messages: Map<string, MappingCatalogue>;
  maps: readonly CatalogueMap[] = [];
  tables: readonly CatalogueTable[] = [];

  private constructor(messages: Map<string, MappingCatalogue>) {
    this.#messages = messages;
    this.#join();
  }

  /** Reads every message's folder; throws GatewayError `map-not-compiled` for a map that is no FML. */
  static async open(root: URL): Promise<Catalogue> {
    const folders = (await Promise.all((await foldersIn(root)).map(foldersIn))).flat();
    const read = folders.map(async (folder) => [folder.href, await readMessage(folder)] as const);
    return new Catalogue(new Map(await Promise.all(read)));
  }

  /** Reads one message's folder, known or new, again. */
  async reread(folder: URL): Promise<void> {
    this.#messages.set(folder.href, await readMessage(folder));
    this.#join();
  }

  #join(): void {
    const messages = [...this.#messages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, message]) => message);
    this.maps = messages.flatMap(({ maps }) => maps);
    this.tables = messages.flatMap(({ tables }) => tables);
  }
}

async function foldersIn(folder: URL): Promise<URL[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return names.sort().map((name) => new URL(`${name}/`, folder));
}

async function readMessage(folder: URL): Promise<MappingCatalogue> {
  const id = folder.pathname.split("/").slice(-3, -1).join("-");
  const facts = JSON.parse((await textIn(folder, "mapping.json")) ?? "{}") as MappingFacts;
  const model = await textIn(folder, "model.json");
  const message: Message = {
    id,
    wire: wireFacts(facts),
    model: model === undefined ? undefined : (JSON.parse(model) as LogicalModel),
  };
  const maps = await Promise.all(
    (await filesIn(folder, ".fml")).map(async (name) => {
      const text = await readFile(new URL(name, folder), "utf8");
      return { file: new URL(name, folder), text, map: parsed(text, `${id}/${name}`), message };
    }),
  );
  const csv = new URL("maps/", folder);
  const tables = await Promise.all(
    (await filesIn(csv, ".csv")).map(async (name) => {
      const stem = name.slice(0, -".csv".length);
      const text = await readFile(new URL(name, csv), "utf8");
      return { id: `${id}-${stem}`, table: conceptMapFromCsv(stem, text) };
    }),
  );
  return { maps, tables };
}

interface MappingFacts {
  readonly source?: { readonly root?: string; readonly namespace?: string };
  readonly parameters?: Readonly<Record<string, string>>;
}

function wireFacts({ source = {}, parameters = {} }: MappingFacts): WireFacts {
  const { root = "", namespace } = source;
  return { root, ...(namespace !== undefined && { namespace }), parameters: Object.keys(parameters) };
}

function parsed(text: string, place: string): FmlMap {
  try {
    return parseMap(text);
  } catch (cause) {
    throw new GatewayError("map-not-compiled", { detail: `${place}: ${String(cause)}`, cause });
  }
}

const textIn = (folder: URL, name: string): Promise<string | undefined> =>
  readFile(new URL(name, folder), "utf8").catch(() => undefined);

async function filesIn(folder: URL, ending: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith(ending)).sort();
}

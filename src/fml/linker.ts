import type { FmlMap, Group, Name } from "./ast.ts";
import { type ConceptMapTable, tableOf } from "./concept-map.ts";
import type { Position, Problem, ProblemCode } from "./errors.ts";
import { namesIn } from "./fhirpath-ast.ts";
import { type LogicalModel, modelTypeName, typesFromModel } from "./logical-model.ts";
import { isForbiddenName, type TypeTable } from "./types.ts";

/** Everything that a map may refer to; the linker reads nothing else. */
export interface Library {
  readonly types: TypeTable;
  readonly models?: readonly LogicalModel[];
  readonly maps?: readonly FmlMap[];
  readonly conceptMaps?: readonly ConceptMapTable[];
}

export interface LinkedGroup {
  readonly group: Group;
  readonly map: FmlMap;
}

/** A map with its imports: groups by name, types with models, ConceptMaps by URL, and the problems so far. */
export interface Linked {
  readonly map: FmlMap;
  readonly types: TypeTable;
  readonly groups: ReadonlyMap<string, LinkedGroup>;
  readonly models: readonly LogicalModel[];
  readonly problems: Problem[];
  /** elements of wire formats that the map reads or writes, as `type.element`; filled while it compiles */
  readonly touched: Set<string>;
  /** URLs of `uses` lines that no type or model stands behind: their elements are not checked */
  readonly untyped: readonly string[];
  conceptMap(map: FmlMap, url: string): ConceptMapTable | undefined;
}

const coreType = /^http:\/\/hl7\.org\/fhir\/(?:4\.0\/)?StructureDefinition\/([A-Za-z]+)$/;

/** Joins a map with what it imports and names what is missing or double. */
export function link(map: FmlMap, library: Library): Linked {
  const problems: Problem[] = [];
  const maps = importedMaps(map, library.maps ?? [], problems);
  for (const one of maps) {
    checkConstants(one, problems);
  }
  const groups = groupsOf(maps, problems);
  checkBases(groups, problems);
  const models = library.models ?? [];
  const own = new Map(models.flatMap(typesFromModel).map((type) => [type.name, type]));
  const types: TypeTable = {
    get: (name) => own.get(name) ?? library.types.get(name),
    has: (name) => own.has(name) || library.types.has(name),
  };
  const linked: Linked = {
    map,
    types,
    models,
    groups,
    problems,
    touched: new Set(),
    untyped: map.uses.map(({ url }) => url).filter((url) => typeBehind(url, types, models) === undefined),
    conceptMap: (owner, url) => findConceptMap(owner, url, library),
  };
  return linked;
}

function importedMaps(map: FmlMap, library: readonly FmlMap[], problems: Problem[]): readonly FmlMap[] {
  const found = new Set([map]);
  for (const current of found) {
    for (const { text, position } of current.imports) {
      const matches = library.filter(({ url }) => matchesUrl(url, text));
      if (matches.length === 0) {
        problems.push(problem("unknown-import", `no map has the URL ${text}`, position, current));
      }
      for (const match of matches) {
        found.add(match);
      }
    }
  }
  return [...found];
}

function matchesUrl(url: string, pattern: string): boolean {
  const star = pattern.indexOf("*");
  return star === -1
    ? url === pattern
    : url.startsWith(pattern.slice(0, star)) && url.endsWith(pattern.slice(star + 1));
}

function groupsOf(maps: readonly FmlMap[], problems: Problem[]): ReadonlyMap<string, LinkedGroup> {
  const groups = new Map<string, LinkedGroup>();
  for (const map of maps) {
    for (const group of map.groups) {
      const { text, position } = group.name;
      if (isForbiddenName(text)) {
        problems.push(problem("forbidden-name", `no group is named ${text}`, position, map));
      } else if (groups.has(text)) {
        problems.push(problem("duplicate", `a group named ${text} exists already`, position, map));
      } else {
        groups.set(text, { group, map });
      }
    }
  }
  return groups;
}

// a group that extends itself, by whatever way, would never end
function checkBases(groups: ReadonlyMap<string, LinkedGroup>, problems: Problem[]): void {
  for (const { group, map } of groups.values()) {
    const seen = new Set<string>();
    let base = group.extends;
    while (base !== undefined && !seen.has(base.text)) {
      seen.add(base.text);
      base = groups.get(base.text)?.group.extends;
    }
    if (seen.has(group.name.text)) {
      const { position } = group.extends ?? group.name;
      problems.push(problem("duplicate", `${group.name.text} extends itself`, position, map));
    }
  }
}

// a constant is made of those that stand before it, so that none is made of itself
function checkConstants(map: FmlMap, problems: Problem[]): void {
  const names = map.constants.map(({ name }) => name.text);
  for (const [index, { name, value }] of map.constants.entries()) {
    if (names.indexOf(name.text) < index) {
      problems.push(problem("duplicate", `a constant named ${name.text} exists already`, name.position, map));
    }
    const early = new Set(names.slice(index));
    for (const { name: read, position } of namesIn(value).filter((used) => early.has(used.name))) {
      problems.push(
        problem("unknown-variable", `no constant before ${name.text} is named ${read}`, position, map),
      );
    }
  }
}

/** Makes a problem of a map. */
export function problem(code: ProblemCode, message: string, position: Position, map: FmlMap): Problem {
  return { code, message, position, map: map.name };
}

function typeBehind(url: string, types: TypeTable, models: readonly LogicalModel[]): string | undefined {
  const model = models.find((candidate) => candidate.url === url);
  if (model !== undefined) {
    return modelTypeName(model, model.root);
  }
  const core = coreType.exec(url)?.[1];
  return core !== undefined && types.has(core) ? core : undefined;
}

/**
 * The type that a name means in a map: an alias or the last part of a `uses` URL, a type of FHIR, or a type of a model that
 * the map uses. `undefined` stands for a type that no model describes; a name that means nothing is a problem.
 */
export function resolveType(linked: Linked, map: FmlMap, name: Name): string | undefined {
  const { types, models, problems } = linked;
  const used = map.uses.find(({ alias, url }) => (alias ?? url.split("/").at(-1)) === name.text);
  if (used !== undefined) {
    return typeBehind(used.url, types, models);
  }
  if (types.has(name.text)) {
    return name.text;
  }
  const own = models.find(
    ({ url, types: known }) => map.uses.some((use) => use.url === url) && Object.hasOwn(known, name.text),
  );
  if (own === undefined) {
    problems.push(problem("unknown-type", `no type is named ${name.text}`, name.position, map));
    return undefined;
  }
  return modelTypeName(own, name.text);
}

function findConceptMap(map: FmlMap, url: string, library: Library): ConceptMapTable | undefined {
  const declared = map.conceptMaps.find((declaration) => declaration.url === url);
  if (declared !== undefined) {
    return tableOf(declared);
  }
  return library.conceptMaps?.find(
    (table) => table.url === url || table.url.endsWith(`/${url.replace(/^#/, "")}`),
  );
}

import type { ResourceType } from "@medplum/fhirtypes";
import type { SearchParameter } from "../provider.ts";
import { compileExpression, type Extraction, typesReached } from "./expression.ts";
import { parameterTable, sharedDefinitions } from "./parameter-table.ts";

/** One part of a composite: its kind, and how it is taken from what the composite stands on. */
export interface Component {
  readonly kind: SearchParameter["type"];
  readonly extract: Extraction;
}

/** A parameter of a stored type: what the index writes and asks for. */
export interface IndexedParameter extends SearchParameter {
  readonly extract: Extraction;
  readonly components: readonly Component[];
  /** some of its elements is a `code`, whose system nobody writes */
  readonly implied: boolean;
}

const shared = sharedDefinitions
  .trim()
  .split("\n")
  .map((line) => {
    const [id = "", code, types = ""] = line.split(" ");
    return { id, code, types: types.split(",") };
  });

/** Canonical of the SearchParameter of R4 that a parameter of a type is. */
export function definitionOf(type: string, name: string): string {
  const found = shared.find(
    ({ code, types }) => code === name && (types.includes(type) || types.includes("Resource")),
  );
  return `http://hl7.org/fhir/SearchParameter/${found?.id ?? `${type}-${name}`}`;
}

const everyType = "*";

/** What tells who a person is, or was written about one: hashed by words, refused in URLs, neither sorted by nor searched inside. */
const personal: Readonly<Record<string, string>> = {
  Patient:
    "name family given address address-city address-country address-postalcode address-state address-use identifier telecom phone email birthdate death-date",
  RelatedPerson:
    "name address address-city address-country address-postalcode address-state address-use identifier telecom phone email birthdate",
  Practitioner:
    "address address-city address-country address-postalcode address-state address-use identifier telecom phone email",
  Composition: "title",
  Condition: "abatement-string onset-info",
  Coverage: "class-value dependent identifier",
  CoverageEligibilityResponse: "disposition",
  DocumentReference: "description",
  Observation: "code-value-string value-string",
  // sealed with its headers; its query names no person, and nobody searches inside it
  Subscription: "criteria",
};

// what "sounds like" is nothing that hashes can tell
const left = new Set(["phonetic"]);

const lines = parameterTable
  .trim()
  .split("\n")
  .map((line) => line.split("\t"))
  .filter(([, code = ""]) => !left.has(code));
const allTypes = [...new Set(lines.map(([type = ""]) => type))].filter((type) => type !== "Resource");
const known = new Map<string, readonly IndexedParameter[]>();

/** The R4 search parameters of a type and those of every resource, `_id` to `_tag`. */
export function indexedParametersOf(type: string): readonly IndexedParameter[] {
  let parameters = known.get(type);
  if (parameters === undefined) {
    parameters = lines
      .filter(([of]) => of === type || of === "Resource")
      .map((line) => parameterOf(type, line))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    known.set(type, parameters);
  }
  return parameters;
}

function parameterOf(type: string, line: readonly string[]): IndexedParameter {
  const [, name = "", kind = "", targets = "", expression = "", components = ""] = line;
  const reached = typesReached(expression, type);
  const isPersonal = personal[type]?.split(" ").includes(name) === true;
  const parameter = {
    name,
    type: kind as SearchParameter["type"],
    ...(isPersonal && { personal: true }),
    ...(kind === "reference" && { targets: targetsOf(targets) }),
    components: components ? components.split(" ; ").map(componentOf) : [],
    extract: compileExpression(expression),
    implied: reached.includes("code"),
  };
  const modifiers = modifiersOf(parameter, type, reached);
  const sorts = isSortable(parameter);
  return {
    ...parameter,
    modifiers,
    sorts,
    documentation: documentationOf({ ...parameter, modifiers, sorts }, expression),
  };
}

const targetsOf = (targets: string): ResourceType[] =>
  (targets === everyType ? allTypes : targets.split(",").filter(Boolean)) as ResourceType[];

function componentOf(text: string): Component {
  const [kind = "", expression = ""] = text.split("@");
  return { kind: kind as Component["kind"], extract: compileExpression(expression) };
}

const modifiersByKind: Readonly<Record<SearchParameter["type"], readonly string[]>> = {
  string: ["exact", "contains", "missing"],
  token: ["not", "in", "not-in", "above", "below", "missing"],
  reference: ["identifier", "above", "below", "missing"],
  uri: ["above", "below", "missing"],
  date: ["missing"],
  number: ["missing"],
  quantity: ["missing"],
  composite: ["missing"],
};

type Plain = Pick<SearchParameter, "name" | "type" | "personal" | "targets" | "modifiers" | "sorts">;

// kept with the row itself, so they are always there
const ofTheRow = new Set(["_id", "_lastUpdated"]);

// the store writes a source, and everybody is dead or not
const neverMissing = new Set(["_source", "deceased"]);

// sets and trees are of codes: a flag, a number of a person or a telephone is in none
const coded = new Set(["CodeableConcept", "Coding", "code"]);

function modifiersOf(
  { name, type, personal: hashed, targets }: Plain,
  of: string,
  reached: readonly string[],
): readonly string[] {
  if (ofTheRow.has(name)) return [];
  const isUncoded = type === "token" && !reached.some((one) => coded.has(one));
  // a canonical names neither an identifier nor a parent
  const isAddress = type === "reference" && !reached.includes("Reference");
  // references make a tree where they lead to their own type
  const isFlat = type === "reference" && !targets?.some((target) => target === of);
  const without = new Set([
    ...(hashed ? ["contains"] : []),
    ...(neverMissing.has(name) ? ["missing"] : []),
    ...(isUncoded ? ["in", "not-in"] : []),
    ...(isAddress ? ["identifier"] : []),
    ...(isFlat || isUncoded || isAddress ? ["above", "below"] : []),
  ]);
  const modifiers = modifiersByKind[type].filter((modifier) => !without.has(modifier));
  return name === "identifier" ? [...modifiers, "of-type"] : modifiers;
}

const sortableKinds = new Set(["string", "date", "number", "quantity", "uri"]);

const isSortable = ({ name, type, personal: hashed }: Plain): boolean =>
  ofTheRow.has(name) || (sortableKinds.has(type) && !hashed);

function documentationOf(
  { type, personal: hashed, modifiers = [], targets, sorts }: Plain,
  expression: string,
): string {
  const named = targets ? [...modifiers, "[type]"] : modifiers;
  return [
    expression,
    named.length > 0 && `modifiers ${named.map((modifier) => `:${modifier}`).join(" ")}`,
    hashed && "in a POST body only, kept as keyed hashes",
    hashed && type === "string" && "matches beginnings of words, case and ё aside",
    sorts ? "sorts" : "does not sort",
  ]
    .filter(Boolean)
    .join("; ");
}

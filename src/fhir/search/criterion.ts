import { GatewayError } from "../../core/errors.ts";
import type {
  ChainLink,
  Criterion,
  Provider,
  Providers,
  ReverseChain,
  SearchParameter,
} from "../provider.ts";

const longestChain = 4;

/** A parameter as it was sent; `depth` counts the steps of a chain, or the levels of `_has`, that led to it. */
export interface ParameterText {
  name: string;
  value: string;
  depth?: number;
}

/**
 * One parameter: `name`, `name:modifier`, `subject:Patient.name`, `practitioner.identifier`. Undefined when the type
 * has no such parameter; throws `bad-request` for a modifier that the parameter does not take (FHIR R4 3.1.1.4.8).
 */
export function readCriterion(
  providers: Providers,
  provider: Provider,
  { name, value, depth = 1 }: ParameterText,
): Criterion | undefined {
  const [own = "", ...rest] = name.split(".");
  const [bare = "", ...modifiers] = own.split(":");
  const parameter = provider.searchParameters.find((candidate) => candidate.name === bare);
  if (!parameter) return undefined;
  const modifier = modifiers.length > 0 ? modifiers.join(":") : undefined;
  if (rest.length > 0)
    return chained(providers, provider, { parameter, modifier, chain: rest.join("."), value, depth, name });
  if (modifier !== undefined && !takes(parameter, modifier)) throw wrongModifier(parameter, modifier);
  return { parameter, ...(modifier !== undefined && { modifier }), ...valuesOf(value) };
}

const takes = ({ modifiers = [], targets = [] }: SearchParameter, modifier: string): boolean =>
  modifiers.includes(modifier) || (modifiers.length > 0 && targets.some((target) => target === modifier));

const wrongModifier = ({ name, modifiers = [], type }: SearchParameter, modifier: string) =>
  new GatewayError("bad-request", {
    field: `${name}:${modifier}`.slice(0, 100),
    detail: `${name} takes ${[...modifiers, ...(type === "reference" ? ["a type"] : [])].join(", ") || "no modifier"}`,
  });

interface ChainText {
  parameter: SearchParameter;
  /** of a reference: the type that it is taken to name */
  modifier: string | undefined;
  chain: string;
  value: string;
  depth: number;
  name: string;
}

function chained(providers: Providers, provider: Provider, text: ChainText): Criterion | undefined {
  const { parameter, modifier, chain, value, depth, name } = text;
  if (depth >= longestChain)
    throw new GatewayError("bad-request", {
      field: name.slice(0, 100),
      detail: `a chain has at most ${longestChain} steps`,
    });
  const targets = (parameter.targets ?? []).filter((type) => modifier === undefined || type === modifier);
  const links = targets.flatMap((type): ChainLink[] => {
    const target = providers.of(type);
    const criterion = target && readCriterion(providers, target, { name: chain, value, depth: depth + 1 });
    return criterion ? [{ type, criterion }] : [];
  });
  if (links.length === 0) return undefined;
  // what a registry answers is not in the index
  const indexed = links.filter(({ type }) => providers.of(type)?.indexed);
  if (provider.indexed && indexed.length === 0) return undefined;
  return { parameter, chain, links: provider.indexed ? indexed : links, ...valuesOf(value) };
}

/** Refuses a personal value that came in a URL, at the end of a chain too: throws `identifier-in-url`. */
export function refusePersonal(test: Criterion | ReverseChain): void {
  const named = personalName(test);
  if (named === undefined) return;
  throw new GatewayError("identifier-in-url", { field: named, detail: "send the search as POST _search" });
}

/** Name of the personal parameter that a test ends with; `:missing` and `:identifier` of a logical reference are looked at too. */
export function personalName(test: Criterion | ReverseChain): string | undefined {
  if ("test" in test) {
    const inner = personalName(test.test);
    return inner === undefined ? undefined : `_has:${test.type}:${test.reference.name}:${inner}`;
  }
  const { parameter, chain, links, modifier } = test;
  if (modifier === "missing") return undefined;
  if (links)
    return links.some(({ criterion }) => personalName(criterion)) ? `${parameter.name}.${chain}` : undefined;
  return parameter.personal || modifier === "identifier" ? parameter.name : undefined;
}

/** Values are alternatives at commas that are not escaped; each stands once (FHIR R4 3.1.1.4.0.1). */
export function valuesOf(text: string): Pick<Criterion, "values" | "raw"> {
  // FHIR strings hold no NUL, so nothing equals it, and PostgreSQL refuses to compare it
  const raw = [...new Set(text.match(/(?:\\.|[^,\\])+/gs) ?? [])].filter((value) => !value.includes("\0"));
  return { values: [...new Set(raw.map(unescaped))], raw };
}

/** A value without its escapes. */
export const unescaped = (text: string): string => text.replace(/\\([\\,|$])/g, "$1");

/** The parts of a value at a separator that is not escaped, still with their escapes. */
export function partsAt(separator: "|" | "$", text: string): string[] {
  const parts = [""];
  for (const piece of text.match(/\\.|[^\\]|\\$/gs) ?? [])
    if (piece === separator) parts.push("");
    else parts[parts.length - 1] += piece;
  return parts;
}

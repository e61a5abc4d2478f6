import { GatewayError, isGatewayError } from "../../core/errors.ts";
import type { Inclusion, Provider, Providers, SearchParameter } from "../provider.ts";

const mostAsked = 10;
const every = "*";

type Pair = readonly [name: string, value: string];
type Kind = "_include" | "_revinclude";

export interface Inclusions {
  include: readonly Inclusion[];
  revinclude: readonly Inclusion[];
  /** names of those that were left out under lenient handling */
  ignored: readonly string[];
  /** the others, as they were asked */
  applied: readonly Pair[];
}

const form = /^_(?:rev)?include(?::|$)/;
export const isInclusion = (name: string): boolean => form.test(name);

/**
 * `_include` and `_revinclude` among the parameters. Throws `unknown-parameter` for one that leads nowhere, unless handling
 * is lenient, and `bad-request` for more than 10 of a kind.
 */
export function readInclusions(
  providers: Providers,
  provider: Provider,
  control: readonly Pair[],
  { lenient }: { lenient: boolean },
): Inclusions {
  const asked = control.filter(([name]) => isInclusion(name));
  const read = asked.map((pair) => ({ pair, found: foundIn(providers, provider, pair, lenient) }));
  const of = (kind: Kind) => {
    const ofKind = read.filter(({ pair: [name] }) => name.split(":")[0] === kind);
    if (new Set(ofKind.map(({ pair }) => pair[1])).size > mostAsked)
      throw new GatewayError("bad-request", { field: kind, detail: `at most ${mostAsked} values` });
    return onceEach(ofKind.flatMap(({ found }) => found ?? []));
  };
  return {
    include: of("_include"),
    revinclude: of("_revinclude"),
    ignored: read.filter(({ found }) => !found).map(({ pair }) => pair[0]),
    applied: read.filter(({ found }) => found).map(({ pair }) => pair),
  };
}

function foundIn(
  providers: Providers,
  provider: Provider,
  [name, value]: Pair,
  lenient: boolean,
): readonly Inclusion[] | undefined {
  const [kind, modifier] = name.split(":") as [Kind, string?];
  try {
    const found = inclusionsOf(providers, provider, kind, value);
    return modifier === undefined ? found : found.map((one) => ({ ...one, iterate: true }));
  } catch (error) {
    if (lenient && isGatewayError(error)) return undefined;
    throw error;
  }
}

/**
 * `PractitionerRole:organization:Organization`; `PractitionerRole:*` is every reference of the type, and `_include=*`
 * every one of the type that is searched.
 */
function inclusionsOf(providers: Providers, provider: Provider, kind: Kind, value: string): Inclusion[] {
  const isWhole = value === every && kind === "_include" && !provider.isOfTypes;
  const [type = "", parameter = "", target] = isWhole ? [provider.type, every] : value.split(":");
  const references = (providers.of(type)?.searchParameters ?? []).filter(isReference);
  const leads = ({ targets = [] }: SearchParameter) =>
    kind === "_revinclude" && !provider.isOfTypes
      ? targets.includes(provider.type)
      : targets.some((one) => providers.of(one));
  const found =
    parameter === every ? references.filter(leads) : references.filter(({ name }) => name === parameter);
  if (found.length === 0) throw new GatewayError("unknown-parameter", { field: kind, detail: nothing });
  return found.map(({ name }) => ({ type, parameter: name, target }));
}

const nothing = "no such reference parameter: name it as Type:parameter, or all of a type as Type:*";

const isReference = ({ type }: SearchParameter): boolean => type === "reference";

/** One of each; it iterates when one of them does. */
function onceEach(inclusions: readonly Inclusion[]): Inclusion[] {
  const byText = new Map<string, Inclusion>();
  for (const one of inclusions) {
    const text = [one.type, one.parameter, one.target].join(":");
    byText.set(text, byText.get(text)?.iterate ? { ...one, iterate: true } : one);
  }
  return [...byText.values()];
}

import type { CodeSystem } from "@medplum/fhirtypes";
import type { RequestContext } from "../core/context.ts";
import type { SourceStatus } from "../core/source-status.ts";
import type { Answered } from "./identities.ts";
import { orUnavailable } from "./partial.ts";

export interface DictionaryReader {
  codeSystem(
    oid: string,
    version: string | undefined,
    ctx: RequestContext,
  ): Promise<{ value: CodeSystem; source: SourceStatus }>;
}

type Names = ReadonlyMap<string, string>;

const noNames: Names = new Map();

/** Names of codes as НСИ has them; without НСИ codes stay without a name. */
export class DictionaryNames {
  readonly #nsi: DictionaryReader;
  // a dictionary is read once per cached answer, not once per request
  readonly #names = new WeakMap<CodeSystem, Names>();

  constructor(nsi: DictionaryReader) {
    this.#nsi = nsi;
  }

  /** code -> name of the newest version of a dictionary (OID without `urn:oid:`); empty when НСИ can't tell. */
  async of(oid: string, ctx: RequestContext): Promise<Answered<Names>> {
    const asked = this.#nsi
      .codeSystem(oid, undefined, ctx)
      .then(({ value, source }) => ({ value: this.#namesOf(value), sources: [source] }));
    const { value = noNames, sources } = await orUnavailable("nsi", asked);
    return { value, sources };
  }

  #namesOf(dictionary: CodeSystem): Names {
    const known = this.#names.get(dictionary);
    if (known) return known;
    const names = new Map(
      (dictionary.concept ?? []).flatMap(({ code = "", display }) => (display ? [[code, display]] : [])),
    );
    this.#names.set(dictionary, names);
    return names;
  }
}

import type { CodeSystem, ValueSet } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import type { Concept, Dictionaries } from "../../store/dictionaries.ts";
import type { Guide } from "../guide.ts";
import type { Rules } from "../validation/rules.ts";
import { type CodeSystemCopy, storedCopy } from "./code-system-copy.ts";
import { conceptsOf, listedCopy } from "./listed-copy.ts";

/** A part of a value set: a code system, or the concept `root` of it with all below. */
export interface Inclusion {
  readonly system: CodeSystemCopy;
  readonly root?: string;
}

export interface ValueSetCopy {
  readonly url: string;
  readonly title: string;
  readonly inclusions: readonly Inclusion[];
}

export interface TerminologyParts {
  dictionaries: Dictionaries;
  /** value sets and code systems that R4 requires */
  rules: Pick<Rules, "valueSets" | "displays">;
  guide: Guide;
  /** brings a dictionary into the store if it may; false when its source has none */
  load?: (url: string) => Promise<boolean>;
}

const r4ValueSet = "http://hl7.org/fhir/ValueSet/";
const implicit = /^(.+)\?fhir_vs(?:=isa\/(.+))?$/;

/** Code systems and value sets: НСИ's from the store, the guide's and R4's required ones from memory. */
export class Terminology {
  readonly #parts: TerminologyParts;
  readonly #listed: ReadonlyMap<string, CodeSystemCopy>;

  constructor(parts: TerminologyParts) {
    this.#parts = parts;
    this.#listed = new Map([
      ...Object.entries(parts.rules.displays).map(
        ([url, names]) => [url, requiredSystem(url, names)] as const,
      ),
      ...parts.guide.codeSystems.map((each) => [each.url ?? "", guideSystem(each)] as const),
    ]);
  }

  /** A code system by url, alias or canonical with a version. Throws `not-found` that says which versions there are. */
  async codeSystem(canonical: string, asked?: string): Promise<CodeSystemCopy> {
    const [url = "", inUrl] = canonical.split("|", 2);
    const version = asked ?? inUrl;
    const listed = this.#listed.get(url);
    if (listed && (version === undefined || version === listed.version)) return listed;
    const row = await this.#stored(url, version);
    if (row) return storedCopy(this.#parts.dictionaries, row);
    const known = await this.#parts.dictionaries.find(url);
    const versions = known ? await this.#parts.dictionaries.versions(known.url) : [listed?.version ?? "none"];
    const detail =
      listed || known ? `no such version; there are: ${versions.join(", ")}` : "no such code system";
    throw new GatewayError("not-found", { field: listed || known ? "version" : "system", detail });
  }

  /** A value set by its url; `<system>?fhir_vs` means all codes of a system, `?fhir_vs=isa/<code>` a part of its tree. */
  async valueSet(url: string, systemVersion?: string): Promise<ValueSetCopy> {
    const found = implicit.exec(url);
    if (found?.[1] !== undefined) return this.#implicit(url, found[1], found[2], systemVersion);
    const [plain = ""] = url.split("|", 1);
    const ours = this.#parts.guide.valueSets.find((each) => each.url === plain);
    if (ours) return this.#composed(plain, ours);
    const name = plain.startsWith(r4ValueSet) ? plain.slice(r4ValueSet.length) : "";
    const systems = Object.hasOwn(this.#parts.rules.valueSets, name)
      ? this.#parts.rules.valueSets[name]
      : undefined;
    if (systems) return { url: plain, title: name, inclusions: this.#required(systems) };
    throw new GatewayError("not-found", {
      field: "url",
      detail: "no such value set; all codes of a system are <system>?fhir_vs",
    });
  }

  async #implicit(url: string, system: string, root: string | undefined, version: string | undefined) {
    const copy = await this.codeSystem(system, version);
    if (root !== undefined && (await copy.concept(root)) === undefined)
      throw new GatewayError("not-found", { field: "url", detail: "the system has no such concept" });
    return { url, title: copy.title, inclusions: [{ system: copy, ...(root !== undefined && { root }) }] };
  }

  async #composed(url: string, { title = "", compose }: ValueSet): Promise<ValueSetCopy> {
    const systems = (compose?.include ?? []).map(({ system = "" }) => this.codeSystem(system));
    return { url, title, inclusions: (await Promise.all(systems)).map((system) => ({ system })) };
  }

  #required(systems: Readonly<Record<string, readonly string[]>>): readonly Inclusion[] {
    return Object.entries(systems).map(([url, codes]) => {
      const names = this.#parts.rules.displays[url] ?? {};
      return { system: requiredSystem(url, names, codes) };
    });
  }

  async #stored(url: string, version: string | undefined) {
    const { dictionaries, load } = this.#parts;
    const row = await dictionaries.find(url, version);
    if (row || !load || (await dictionaries.find(url))) return row;
    return (await load(url)) ? dictionaries.find(url, version) : undefined;
  }
}

const concept = (code: string, display = code): Concept => ({ code, display, active: true });

const requiredSystem = (
  url: string,
  names: Readonly<Record<string, string>>,
  codes: readonly string[] = Object.keys(names),
): CodeSystemCopy =>
  listedCopy({ url, title: url, concepts: codes.map((code) => concept(code, names[code])) });

const guideSystem = (resource: CodeSystem): CodeSystemCopy =>
  listedCopy({
    url: resource.url ?? "",
    title: resource.title ?? "",
    concepts: conceptsOf(resource),
    ...(resource.version !== undefined && { version: resource.version }),
  });

import type { Bundle, CapabilityStatementRestResource, Resource } from "@medplum/fhirtypes";
import type { SearchParameter } from "../../../src/fhir/provider.ts";
import type { FhirServer } from "../fhir-server.ts";
import { idsIn, type Line } from "./cases.ts";
import { modifierCase } from "./held-modifiers.ts";
import { leavesBy, pairOf } from "./pair.ts";

/** A type that is not stored: its cases are made of what it holds. */
export interface HeldType {
  stated: CapabilityStatementRestResource;
  parameters: readonly SearchParameter[];
  /** `_revinclude`s of types that are not stored either */
  referring: readonly string[];
  /** a search that lists some of it */
  list: Record<string, string>;
}

/** Reads, searches, modifiers and includes of a type that is not stored. */
export function heldLines(server: FhirServer, held: HeldType): Line[] {
  const type = held.stated.type ?? "";
  const asking = new Holding(server, held);
  const interactions: Record<string, () => Promise<void>> = {
    read: () => asking.read(),
    "search-type": () => asking.lists(),
  };
  return [
    ...(held.stated.interaction ?? []).map(({ code = "" }) => ({
      title: `${code} of ${type}`,
      run: interactions[code] ?? (() => Promise.reject(new Error("has no case"))),
    })),
    { title: `conditionalRead of ${type}`, run: () => asking.readsWhenChanged() },
    ...held.parameters.map((parameter) => ({
      title: `${type}?${parameter.name}`,
      run: () => asking.parameter(parameter),
    })),
    ...(held.stated.searchInclude ?? []).map((include) => ({
      title: `${type}?_include=${include}`,
      run: () => asking.include(include),
    })),
    ...held.referring.map((text) => ({
      title: `${type}?_revinclude=${text}`,
      run: () => asking.reverseInclude(text),
    })),
  ];
}

class Holding {
  readonly #server: FhirServer;
  readonly #held: HeldType;
  readonly #type: string;
  #all: Promise<readonly Resource[]> | undefined;

  constructor(server: FhirServer, held: HeldType) {
    this.#server = server;
    this.#held = held;
    this.#type = held.stated.type ?? "";
  }

  async read(): Promise<void> {
    const [first] = await this.#list();
    const { status, body } = await this.#server.call("GET", `/${this.#type}/${first?.id}`);
    if (status !== 200 || body.id !== first?.id) throw new Error(`read ${status}`);
    const unknown = await this.#server.call("GET", `/${this.#type}/no-such-id`);
    if (unknown.status !== 404) throw new Error(`of nothing ${unknown.status}`);
  }

  async readsWhenChanged(): Promise<void> {
    const [first] = await this.#list();
    const path = `/${this.#type}/${first?.id}`;
    const { headers } = await this.#server.call("GET", path);
    const etag = headers.get("etag") ?? "";
    const same = await this.#server.call("GET", path, { headers: { "if-none-match": etag } });
    const changed = await this.#server.call("GET", path, { headers: { "if-none-match": 'W/"other"' } });
    if (same.status !== 304 || changed.status !== 200) throw new Error(`${same.status}, ${changed.status}`);
  }

  async lists(): Promise<void> {
    if ((await this.#list()).length < 2) throw new Error("nothing is listed");
  }

  async parameter(parameter: SearchParameter): Promise<void> {
    const { name, type } = parameter;
    const pair = pairOf(await this.#list(), { type: this.#type, parameter });
    if (!pair) throw new Error("nothing that is held has a value");
    await this.#expect({ [name]: pair.value }, pair);
    if (!pair.other) await this.#expect({ [name]: "no-such-value" }, { one: undefined, other: pair.one });
    for (const modifier of parameter.modifiers ?? [])
      await modifierCase({ name: `${name}:${modifier}`, modifier, pair }, (form, told) =>
        this.#expect(form, told),
      ).catch((error: Error) => {
        throw new Error(`:${modifier}: ${error.message}`);
      });
    const [target = "", id = ""] = pair.value.split("/");
    if (type === "reference" && parameter.modifiers) await this.#expect({ [`${name}:${target}`]: id }, pair);
  }

  async include(text: string): Promise<void> {
    const [, name = ""] = text.split(":");
    const parameter = this.#held.parameters.find((one) => one.name === name);
    const pair = parameter && pairOf(await this.#list(), { type: this.#type, parameter });
    if (!pair) throw new Error("nothing is held that refers");
    const found = await this.#search({ _id: pair.one.id ?? "", _include: text });
    const came = idsIn(found, "include");
    if (!came.includes(pair.value.split("/")[1] ?? ""))
      throw new Error("the referred resource did not come along");
    if (idsIn(await this.#search({ _id: pair.one.id ?? "" }), "include").length > 0)
      throw new Error("something came along unasked");
  }

  async reverseInclude(text: string): Promise<void> {
    const found = await this.#search({ ...this.#held.list, _revinclude: text });
    const [type = "", name = ""] = text.split(":");
    const own = new Set(idsIn(found, "match").map((id) => `${this.#type}/${id}`));
    const came = (found.entry ?? []).flatMap(({ resource, search }) =>
      search?.mode === "include" && resource ? [resource] : [],
    );
    const refers = came.every((one) =>
      leavesBy(one, type, name).some((leaf) => own.has(leaf.reference ?? "")),
    );
    if (came.length === 0 || !refers) throw new Error("other than what refers to it came along");
  }

  #list(): Promise<readonly Resource[]> {
    this.#all ??= this.#search(this.#held.list).then(({ entry = [] }) =>
      entry.flatMap(({ resource, search }) => (search?.mode === "match" && resource ? [resource] : [])),
    );
    return this.#all;
  }

  async #expect(
    form: Record<string, string>,
    { one, other }: { one: Resource | undefined; other: Resource | undefined },
  ): Promise<void> {
    const ids = [one?.id, other?.id].filter((id) => id).join(",");
    const hasId = this.#held.parameters.some(({ name }) => name === "_id");
    const narrowed = hasId && form._id === undefined ? { ...form, _id: ids } : form;
    const found = idsIn(await this.#search({ ...narrowed, _count: "200" }), "match");
    const query = new URLSearchParams(form);
    if (one && !found.includes(one.id ?? "")) throw new Error(`${query} does not find what it should`);
    if (other && found.includes(other.id ?? "")) throw new Error(`${query} does not narrow`);
  }

  async #search(form: Record<string, string>): Promise<Bundle> {
    const { status, body, text } = await this.#server.call<Bundle>("POST", `/${this.#type}/_search`, {
      body: new URLSearchParams(form).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    if (status !== 200)
      throw new Error(`search ${new URLSearchParams(form)} ${status}: ${text.slice(0, 300)}`);
    return body;
  }
}

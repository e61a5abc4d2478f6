import { LRUCache } from "lru-cache";
import type { Keyring } from "../../crypto/keyring.ts";

const domain = "search";
const knownHashes = 20_000;

/**
 * Keyed hashes of the index. Everything that is found by equality lies there as one: without the key the index tells
 * neither names, identifiers and codes nor who refers to whom, and a tenant's values are never another's.
 */
export class Terms {
  readonly #keyring: Keyring;
  // codes, markers and parameters come again and again; an HMAC costs ten times a look-up
  readonly #known = new LRUCache<string, string>({ max: knownHashes });

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  /** A parameter of a type at a tenant; `further` tells a quantity's unit, or the fixed parts of a composite. */
  parameter(tenant: string, type: string, code: string, ...further: readonly string[]): string {
    return this.#hash("parameter", tenant, type, code, ...further);
  }

  /** A value of a parameter in one of the forms in which it may be asked for. */
  term(parameter: string, ...form: readonly string[]): string {
    return this.#hash("term", parameter, ...form);
  }

  /** What a reference names: `Type/id`, or the address of something that lies elsewhere. */
  target(tenant: string, reference: string): string {
    return this.#hash("target", tenant, reference);
  }

  // 128 bits as 32 hexadecimal digits, which PostgreSQL reads as a uuid
  #hash(...parts: string[]): string {
    const name = JSON.stringify(parts);
    let known = this.#known.get(name);
    if (known === undefined) {
      known = Buffer.from(this.#keyring.hmac(domain, ...parts), "base64url").toString("hex", 0, 16);
      this.#known.set(name, known);
    }
    return known;
  }
}

import { readFileSync } from "node:fs";
import Type, { type Static } from "typebox";
import { Value } from "typebox/value";
import { GatewayError } from "../../core/errors.ts";
import type { KeptSignature } from "../../store/signatures.ts";
import type { SignatureTerms } from "./terms.ts";

const digits = "^\\d{1,6}$";

const signer = Type.Object(
  {
    /** of dictionary 99.2.368 */
    role: Type.String({ pattern: digits }),
    min: Type.Integer({ minimum: 0 }),
    max: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false },
);

const kind = Type.Object(
  {
    /** code of dictionary 11.1522 */
    type: Type.String({ pattern: digits }),
    name: Type.String(),
    /** the least signature of each signer; absent: a qualified one */
    level: Type.Optional(Type.Union([Type.Literal("enhanced"), Type.Literal("qualified")])),
    signers: Type.Array(signer, { minItems: 1 }),
    /** where it is written who signs */
    basis: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

const role = Type.Object(
  {
    code: Type.String(),
    name: Type.String(),
    /** codes of dictionary 11.1002; absent: any */
    posts: Type.Optional(Type.String({ pattern: "^\\d{1,6}( \\d{1,6})*$" })),
  },
  { additionalProperties: false },
);

const table = Type.Object(
  {
    source: Type.String(),
    roles: Type.Record(Type.String({ pattern: digits }), role),
    kinds: Type.Record(Type.String({ pattern: digits }), kind),
    /** FHIR types whose stored resources may be signed, each with the reason; absent: the product's own */
    resources: Type.Optional(Type.Record(Type.String({ pattern: "^[A-Z][A-Za-z]+$" }), Type.String())),
  },
  { additionalProperties: false },
);

type Table = Static<typeof table>;

/** A kind of document with its code in dictionary 11.1520. */
export type DocumentKind = Static<typeof kind> & { code: string };

/** A part in the signing of a document. */
export interface SignerRole {
  /** of dictionary 99.2.368 */
  id: string;
  code: string;
  name: string;
}

/** Somebody's posts, and the roles in which others have signed already. */
interface Candidate {
  posts: readonly string[];
  signed: readonly string[];
}

/** Who signs documents of which kind: roles, how many of each, and the posts that may take them (E-15). */
export class SigningRules {
  readonly #table: Table;

  constructor(rules: Table) {
    this.#table = rules;
  }

  /** Throws `document-kind-unknown`. */
  kind(code: string): DocumentKind {
    const found = this.find(code);
    if (found) return found;
    throw new GatewayError("document-kind-unknown", { detail: "the kind is not in the rules of signing" });
  }

  /** Throws `resource-not-signable` for a type that goes on changing in ordinary care: a signature would freeze it. */
  requireSignable(type: string): void {
    const { resources = {} } = this.#table;
    if (Object.hasOwn(resources, type)) return;
    const detail = `signed are ${Object.keys(resources).join(", ")}`;
    throw new GatewayError("resource-not-signable", { field: "resource", detail });
  }

  find(code: string | undefined): DocumentKind | undefined {
    if (code === undefined || !Object.hasOwn(this.#table.kinds, code)) return undefined;
    return { ...(this.#table.kinds[code] as Static<typeof kind>), code };
  }

  role(id: string): SignerRole {
    const { code, name } = this.#table.roles[id] as Static<typeof role>;
    return { id, code, name };
  }

  /** Roles that still must sign, each as often as it is missing, given the roles of the signatures in force. */
  awaited({ signers }: DocumentKind, signed: readonly string[]): string[] {
    return signers.flatMap(({ role: id, min }) => {
      const missing = min - signed.filter((one) => one === id).length;
      return Array<string>(Math.max(missing, 0)).fill(id);
    });
  }

  /**
   * The role in which somebody with these posts signs next: one that must, then one that may. Throws
   * `signer-role-mismatch` when the posts fit none of them.
   */
  roleFor(of: DocumentKind, { posts, signed }: Candidate): string {
    const found = this.#roleFor(of, { posts, signed });
    if (found !== undefined) return found;
    const names = this.#open(of, signed).map((id) => this.role(id).name);
    throw new GatewayError("signer-role-mismatch", {
      detail: `signers of this document: ${[...new Set(names)].join(", ") || "none is awaited"}`,
    });
  }

  /** Whether the kind takes one more signature of this role. */
  isOpen(of: DocumentKind, role: string, signed: readonly string[]): boolean {
    return this.#open(of, signed).includes(role);
  }

  // the narrowest role: a head who signs first leaves the doctor's part to the doctor
  #roleFor(of: DocumentKind, { posts, signed }: Candidate): string | undefined {
    const breadth = (id: string) => this.#table.roles[id]?.posts?.length ?? Infinity;
    const narrowest = (ids: readonly string[]) =>
      ids.filter((id) => this.#fits(id, posts)).sort((one, other) => breadth(one) - breadth(other))[0];
    return narrowest(this.awaited(of, signed)) ?? narrowest(this.#open(of, signed));
  }

  /** Roles that must sign, then those that may. */
  #open(of: DocumentKind, signed: readonly string[]): string[] {
    const open = of.signers.filter(({ role: id, max }) => signed.filter((one) => one === id).length < max);
    return [...this.awaited(of, signed), ...open.map(({ role: id }) => id)];
  }

  /** Roles that somebody with these posts may take. */
  rolesOpenTo(posts: readonly string[]): string[] {
    return Object.keys(this.#table.roles).filter((id) => this.#fits(id, posts));
  }

  /** What stands against a document's registration while these roles are awaited. */
  missing(awaited: readonly string[]): GatewayError {
    const names = awaited.map((id) => `${this.role(id).code} (${this.role(id).name})`).join(", ");
    return new GatewayError("signatures-missing", { detail: `awaited: ${names}` });
  }

  #fits(id: string, posts: readonly string[]): boolean {
    const allowed = this.#table.roles[id]?.posts?.split(" ");
    return !allowed || posts.some((post) => allowed.includes(post));
  }
}

/** The roles in which these signatures were given. */
export const rolesOf = (signed: readonly Pick<KeptSignature, "terms">[]): string[] =>
  signed.flatMap(({ terms }) => (terms as SignatureTerms).role ?? []);

const ownTable = new URL("signing-rules.json", import.meta.url);

/** Reads rules from a JSON file, the product's own when none is given; throws TypeError for what is no such table. */
export function signingRulesIn(path: string | URL = ownTable): SigningRules {
  const rules = tableIn(path);
  return new SigningRules({ resources: tableIn(ownTable).resources, ...rules });
}

function tableIn(path: string | URL): Table {
  const read: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!Value.Check(table, read)) {
    const [wrong] = [...Value.Errors(table, read)];
    throw new TypeError(`${path}${wrong?.instancePath}: ${wrong?.message}`);
  }
  for (const [code, { signers }] of Object.entries(read.kinds))
    for (const { role: id, min, max } of signers)
      if (!Object.hasOwn(read.roles, id) || min > max)
        throw new TypeError(`${path}: kind ${code} has an unknown role or more signatures due than taken`);
  return read;
}

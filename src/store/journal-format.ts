import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import type { PurposeOfUse } from "../core/context.ts";
import type { ErrorCode } from "../core/error-table.ts";
import { hmacSha256 } from "../crypto/hmac.ts";
import type { Keyring } from "../crypto/keyring.ts";

/** One access: logical ids and OIDs, a system's token and address; what may be personal is sealed. */
export interface JournalRow {
  /** milliseconds since the epoch */
  at: number;
  tenant: string;
  requestId: string;
  actorKind: string;
  actorId: string;
  onBehalfOf?: string;
  role?: string;
  /** ФРМО OID of the worker's organisation where that is not the tenant */
  organization?: string;
  /** ФРМО OID of the organisation whose data it is, where that is not the tenant */
  holder?: string;
  action: string;
  resourceType?: string;
  resourceId?: string;
  /** logical id of the person whose data it is */
  subject?: string;
  /** coded legal ground or purpose */
  ground?: string;
  /** what whoever acted wanted it for */
  purpose?: PurposeOfUse;
  outcome: "ok" | ErrorCode;
  /** jti of the client system's access token */
  token?: string;
  /** network address of whoever asked; a person's is sealed */
  address?: string;
  /** the search as it was asked, sealed */
  query?: string;
}

/** A registered system's address is nobody's own, that of whoever else asked is a person's. */
export const isOfSystem = ({ actorKind, tenant }: Pick<JournalRow, "actorKind" | "tenant">): boolean =>
  actorKind === "client" && tenant !== "";

type Place = Pick<JournalRow, "tenant" | "organization">;

/** What a row says beside its tenant of the organisation in which somebody acted. */
export const otherOrganizationOf = ({ tenant, organization }: Place): string | undefined =>
  organization === tenant ? undefined : organization;

/** ФРМО OID of the organisation in which somebody acted; "" for nobody's. */
export const organizationOf = ({ tenant, organization }: Place): string => organization ?? tenant;

/** Organisations that did it: whose client or worker asked, and in which they acted. */
export const actingOrganizationsOf = ({ tenant, organization }: Place): string[] =>
  [...new Set([tenant, organization])].flatMap((oid) => oid || []);

/** Organisations whose row it is: that did it, and whose data it was. */
export const organizationsOf = (row: Place & Pick<JournalRow, "holder">): string[] => [
  ...new Set([...actingOrganizationsOf(row), ...(row.holder === undefined ? [] : [row.holder])]),
];

/** Begins the action of a row about a person whose data were left out of an answer; whoever asked is not told. */
export const hiddenAction = "hidden ";

/** How far the journal is sealed: the signature covers every sealed row through the chain. */
export interface JournalHead {
  position: number;
  rows: number;
  chain: string;
  /** milliseconds since the epoch */
  at: number;
  signature: string;
}

/** A head that stands alone: kept elsewhere, it shows later whether the tail was cut. */
export interface ExportedHead extends JournalHead {
  /** Ed25519 key as SPKI in base64 */
  publicKey: string;
}

export interface GroupLink {
  position: number;
  rowsBefore: number;
  rowCount: number;
  digest: string;
}

const macLength = 43;

/** A row beside its keyed hash. */
export interface HashedRow {
  row: string;
  mac: string;
}

/** How a row stands in its group: its keyed hash, then its text. */
export const lineOf = ({ mac, row }: HashedRow): string => mac + row;

/** Reads the lines of a group back. */
export const rowsOf = (lines: string): HashedRow[] =>
  lines === ""
    ? []
    : lines.split("\n").map((line) => ({ mac: line.slice(0, macLength), row: line.slice(macLength) }));

const sha256 = (text: string): string => hash("sha256", text, "base64url");

/** The row's one spelling: fixed order of fields, absent ones left out; `sealed` holds what may be personal. */
export function rowText(row: JournalRow, sealed?: string): string {
  return JSON.stringify({
    at: row.at,
    tenant: row.tenant,
    requestId: row.requestId,
    actorKind: row.actorKind,
    actorId: row.actorId,
    onBehalfOf: row.onBehalfOf,
    role: row.role,
    organization: row.organization,
    holder: row.holder,
    action: row.action,
    resourceType: row.resourceType,
    resourceId: row.resourceId,
    subject: row.subject,
    ground: row.ground,
    purpose: row.purpose,
    outcome: row.outcome,
    token: row.token,
    address: isOfSystem(row) ? row.address : undefined,
    sealed,
  });
}

/**
 * Text of a member as it is spelled in the row, "" when it has none. Cut out, not read as JSON: PostgreSQL cuts the
 * same (journal-fields.ts), and what stands in a column never has a character that it refuses.
 */
export function memberText(row: string, name: keyof JournalRow): string {
  const opening = `"${name}":"`;
  const at = row.indexOf(opening);
  if (at < 0) return "";
  const from = at + opening.length;
  return row.slice(from, row.indexOf('"', from));
}

/** What stands for a row in its group's digest; `line` is the row's keyed hash followed by its text. */
export const leafOf = (line: string): string => sha256(line);

/** Hash over the leaves of a group in their order. */
export const digestOf = (leaves: readonly string[]): string => sha256(leaves.join(""));

/** The next link: binds a group to its place and to everything before it; the first follows "". */
export const chainOf = (previous: string, group: GroupLink): string =>
  sha256([previous, group.position, group.rowsBefore, group.rowCount, group.digest].join("."));

/** The journal's keys, all from the keyring, so that every replica and a restored copy have the same. */
export class JournalKeys {
  /** keyed hash of a row's text */
  readonly rowMac: (text: string) => string;
  readonly #signingKey: KeyObject;
  /** Ed25519 key as SPKI in base64 */
  readonly publicKey: string;

  constructor(keyring: Keyring) {
    this.rowMac = hmacSha256(keyring.derive("journal-row"));
    // RFC 8410: an Ed25519 private key in PKCS #8 is this prefix and its 32-byte seed
    const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
    const key = Buffer.concat([prefix, keyring.derive("journal-head")]);
    this.#signingKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
    const spki = createPublicKey(this.#signingKey).export({ format: "der", type: "spki" });
    this.publicKey = spki.toString("base64");
  }

  groupMac(rowCount: number, digest: string): string {
    return this.rowMac(`${rowCount}.${digest}`);
  }

  signHead(head: Omit<JournalHead, "signature">): JournalHead {
    return { ...head, signature: sign(null, headBytes(head), this.#signingKey).toString("base64url") };
  }

  isSigned(head: JournalHead): boolean {
    return verify(null, headBytes(head), this.#signingKey, Buffer.from(head.signature, "base64url"));
  }
}

function headBytes(head: Omit<JournalHead, "signature">): Buffer {
  return Buffer.from(
    JSON.stringify(["cabinet-gateway journal head", head.position, head.rows, head.chain, head.at]),
  );
}

import type { Clock } from "../../../core/clock.ts";
import { type Certificate, readCertificate } from "../../../sandbox-crypto/certificate.ts";
import { verifyGost } from "../../../sandbox-crypto/gost.ts";
import { streebog256 } from "../../../sandbox-crypto/streebog.ts";
import { ExpiringMap } from "./expiring-map.ts";
import type { Fields } from "./fields.ts";
import { EsiaRefusal } from "./refusal.ts";
import { isApproved, isKnownScope, scopesIn } from "./scopes.ts";

/** An information system that is registered at ESIA. */
export interface EsiaClient {
  /** the system's mnemonic, upper case */
  clientId: string;
  /** GOST R 34.10-2012, 256 bits: its key signs every request */
  certificateDer: Uint8Array;
  /** addresses under which redirects are allowed: same origin, path below this one */
  redirectUris: readonly string[];
  /** how ESIA signs tokens for this system; says nothing of how the system signs its requests */
  tokenAlgorithm: "RS256" | "GOST3410_2012_256";
  /** approved scopes; all known ones when absent */
  scopes?: readonly string[];
  /** true for a system that was switched off */
  disabled?: boolean;
}

interface Registration {
  client: EsiaClient;
  certificate: Certificate;
  hash: string;
}

const windowMs = 10 * 60_000;

/** Knows the registered systems and tells a true request from a forged, stale or repeated one. */
export class ClientRegistry {
  readonly #clock: Clock;
  readonly #registrations: ReadonlyMap<string, Registration>;
  readonly #seen: ExpiringMap<true>;

  constructor(clients: readonly EsiaClient[], clock: Clock) {
    this.#clock = clock;
    // a timestamp may be ahead by the window and is good until the window has passed behind it
    this.#seen = new ExpiringMap(clock, 2 * windowMs);
    this.#registrations = new Map(clients.map((client) => [client.clientId, registrationOf(client)]));
  }

  /**
   * Timestamp, system, certificate, signature, repetition, in this order. `strings` are the signed strings that are
   * accepted; the answer says which of them was signed. Throws EsiaRefusal.
   */
  authenticate(
    door: string,
    fields: Fields,
    strings: readonly string[],
  ): { client: EsiaClient; form: number } {
    const at = instantOf(fields["timestamp"] ?? "");
    if (at === undefined || Math.abs(at - this.#clock.now()) > windowMs) throw new EsiaRefusal("007015");
    const registration = this.#registrations.get(fields["client_id"] ?? "");
    if (!registration || registration.client.disabled) throw new EsiaRefusal("007005");
    this.#checkCertificate(registration.certificate);
    const hash = fields["client_certificate_hash"];
    if (hash !== undefined && hash !== registration.hash) throw new EsiaRefusal("007053");
    const form = signedForm(registration.certificate, fields["client_secret"] ?? "", strings);
    this.#claim(`${door} ${registration.client.clientId} ${fields["state"]}`);
    return { client: registration.client, form };
  }

  /** Whether a browser may be sent there on behalf of this system. */
  ownsAddress(clientId: string | undefined, address: string | undefined): boolean {
    const registered = this.#registrations.get(clientId ?? "")?.client.redirectUris ?? [];
    return registered.some((prefix) => isBelow(prefix, address ?? ""));
  }

  #checkCertificate({ notBefore, notAfter }: Certificate): void {
    const now = this.#clock.now();
    if (now < notBefore.getTime() || now > notAfter.getTime()) throw new EsiaRefusal("007053");
  }

  #claim(key: string): void {
    if (this.#seen.get(key)) throw new EsiaRefusal("007003", ["state"]);
    this.#seen.set(key, true);
  }
}

/** Unknown scopes are 007006, known ones that were not approved for the system 007019. Throws EsiaRefusal. */
export function checkScopes(client: EsiaClient, ...lists: readonly string[]): void {
  const asked = lists.flatMap(scopesIn);
  if (asked.length === 0) throw new EsiaRefusal("007013");
  if (!asked.every(isKnownScope)) throw new EsiaRefusal("007006");
  if (!asked.every((scope) => isApproved(scope, client.scopes))) throw new EsiaRefusal("007019");
}

function registrationOf(client: EsiaClient): Registration {
  const hash = Buffer.from(streebog256(client.certificateDer)).toString("hex").toUpperCase();
  return { client, certificate: readCertificate(client.certificateDer), hash };
}

/** Which of the strings carries this raw signature; throws 007053 when none does. */
function signedForm(certificate: Certificate, secret: string, strings: readonly string[]): number {
  const signature = rawSignature(secret);
  const form = signature
    ? strings.findIndex((text) => verifyGost(certificate.spki, Buffer.from(text), signature))
    : -1;
  if (form < 0) throw new EsiaRefusal("007053");
  return form;
}

/** 64 bytes s || r; clients write them in either base64 alphabet, padded or not (sheet 1.5). */
function rawSignature(secret: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/_-]{86}(==)?$/.test(secret)) return undefined;
  return Buffer.from(secret, "base64");
}

/** Milliseconds of `yyyy.MM.dd HH:mm:ss Z`, the offset without a colon. */
function instantOf(text: string): number | undefined {
  const match = /^(\d{4})\.(\d\d)\.(\d\d) (\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/.exec(text);
  if (!match) return undefined;
  const [, year, month, day, time, hours, minutes] = match;
  const at = Date.parse(`${year}-${month}-${day}T${time}${hours}:${minutes}`);
  return Number.isNaN(at) ? undefined : at;
}

function isBelow(prefix: string, address: string): boolean {
  if (!URL.canParse(address)) return false;
  const [home, asked] = [new URL(prefix), new URL(address)];
  const folder = home.pathname.replace(/\/$/, "");
  const inside = asked.pathname === folder || asked.pathname.startsWith(`${folder}/`);
  return asked.origin === home.origin && inside && !asked.username && !asked.hash;
}

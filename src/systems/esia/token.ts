import type { Clock } from "../../core/clock.ts";
import type { ErrorCode } from "../../core/error-table.ts";
import { GatewayError } from "../../core/errors.ts";
import type { SignatureAlgorithm } from "../../crypto/algorithms.ts";
import { CryptoError } from "../../crypto/errors.ts";
import type { Verifier } from "../../crypto/verifier.ts";
import { type Certificate, parseCertificate } from "../../crypto/x509.ts";
import { trustDates } from "./certificate-dates.ts";
import { type AccessClaims, type IdClaims, type Shape, shapes } from "./wire.ts";

/** How ESIA signs tokens to us, as chosen on its technical portal. */
const tokenAlgorithms = {
  RS256: "rsa-sha256",
  GOST3410_2012_256: "gost-256",
} as const satisfies Record<string, SignatureAlgorithm>;

export type TokenAlgorithm = keyof typeof tokenAlgorithms;

export interface TokenTrust {
  /** certificates of ESIA in DER: it changes them yearly, so several are valid at a time */
  certificates: readonly Uint8Array[];
  algorithm: TokenAlgorithm;
  /** exact, with ESIA's slash at the end */
  issuer: string;
  clientId: string;
  clock: Clock;
  /** signature maths stays off the event loop */
  verifier: Pick<Verifier, "verifyMessage">;
}

const skewSeconds = 60;
const mostCharacters = 16_384;

interface Token {
  header: unknown;
  payload: unknown;
  signed: Uint8Array;
  signature: Uint8Array;
}

/** Reads ESIA's tokens with every check of the methodical recommendations, in one fixed order. */
export class TokenReader {
  readonly #trust: TokenTrust;
  readonly #certificates: readonly Certificate[];

  constructor(trust: TokenTrust) {
    this.#trust = trust;
    this.#certificates = trust.certificates.map((der) => parseCertificate(der));
  }

  /** What an operator must know of the list before users do. */
  notices(): string[] {
    return trustDates(this.#certificates, this.#trust.clock.now());
  }

  /** Claims of an access token; throws GatewayError `esia-token-*` by the check that failed. */
  async accessToken(text: string): Promise<AccessClaims> {
    const claims = await this.#checked(text, "access", shapes.accessClaims);
    if (claims.client_id !== this.#trust.clientId) throw refused("esia-token-audience", "client_id");
    this.#checkTimes(claims);
    return claims;
  }

  /** Claims of an id token; throws GatewayError `esia-token-*` by the check that failed. */
  async idToken(text: string): Promise<IdClaims> {
    const claims = await this.#checked(text, "id", shapes.idClaims);
    if (![claims.aud].flat().includes(this.#trust.clientId)) throw refused("esia-token-audience", "aud");
    this.#checkTimes(claims);
    return claims;
  }

  /** Both tokens of one answer: each on its own, then that they speak of one person and one session. */
  async pair(idText: string, accessText: string): Promise<{ id: IdClaims; access: AccessClaims }> {
    const [id, access] = await Promise.all([this.idToken(idText), this.accessToken(accessText)]);
    if (String(id.sub) !== String(access["urn:esia:sbj_id"])) throw refused("esia-token-mismatch", "sub");
    if (id["urn:esia:sid"] !== access["urn:esia:sid"]) throw refused("esia-token-mismatch", "sid");
    return { id, access };
  }

  async #checked<T extends { iss: string }>(text: string, kind: string, shape: Shape<T>): Promise<T> {
    const token = parsed(text);
    this.#checkHeader(token.header, kind);
    await this.#checkSignature(token);
    if (!shape.Check(token.payload)) throw refused("esia-token-malformed", `claims of the ${kind} token`);
    if (token.payload.iss !== this.#trust.issuer) throw refused("esia-token-issuer", "iss");
    return token.payload;
  }

  #checkHeader(header: unknown, kind: string): void {
    if (!shapes.tokenHeader.Check(header)) throw refused("esia-token-malformed", "header");
    // the setting decides, never the token
    if (header.alg !== this.#trust.algorithm) throw refused("esia-token-signature", "alg");
    if (header.typ !== "JWT") throw refused("esia-token-malformed", "typ");
    if (header.sbt !== kind) throw refused("esia-token-malformed", "sbt");
  }

  async #checkSignature({ signed, signature }: Token): Promise<void> {
    const now = this.#trust.clock.now();
    const valid = this.#certificates.filter(
      ({ notBefore, notAfter }) => notBefore.getTime() <= now && now <= notAfter.getTime(),
    );
    for (const certificate of valid) if (await this.#isSignedBy(certificate, signed, signature)) return;
    const reason = valid.length > 0 ? "no trusted certificate fits" : "every trusted certificate has run out";
    throw refused("esia-token-signature", reason);
  }

  async #isSignedBy({ spki }: Certificate, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
    const algorithm = tokenAlgorithms[this.#trust.algorithm];
    try {
      // a key of another family is a plain no
      return await this.#trust.verifier.verifyMessage({ spki, algorithm, message, signature });
    } catch (cause) {
      if (cause instanceof CryptoError && cause.code !== "worker-failed") return false;
      throw new GatewayError("internal", { system: "esia", detail: "a token could not be verified", cause });
    }
  }

  #checkTimes({ nbf, iat, exp }: { nbf: number; iat: number; exp: number }): void {
    const now = this.#trust.clock.now() / 1_000;
    if (exp + skewSeconds <= now) throw refused("esia-token-time", "exp");
    if (nbf - skewSeconds > now) throw refused("esia-token-time", "nbf");
    if (iat - skewSeconds > now) throw refused("esia-token-time", "iat");
  }
}

function refused(code: ErrorCode, detail: string): GatewayError {
  return new GatewayError(code, { system: "esia", detail });
}

function parsed(text: string): Token {
  const parts = text.split(".");
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || !header || !payload || signature === undefined || text.length > mostCharacters)
    throw refused("esia-token-malformed", "not three parts");
  if (!/^[\w.-]+$/.test(text)) throw refused("esia-token-malformed", "not base64url");
  return {
    header: json(header),
    payload: json(payload),
    signed: Buffer.from(`${header}.${payload}`, "ascii"),
    signature: Buffer.from(signature, "base64url"),
  };
}

function json(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch (cause) {
    throw new GatewayError("esia-token-malformed", { system: "esia", detail: "not JSON", cause });
  }
}

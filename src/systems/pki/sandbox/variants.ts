import { createHash } from "node:crypto";
import type { AuthorityName } from "./authority-names.ts";

interface Variant {
  /** Russian, for the page */
  title: string;
  issuer: AuthorityName;
  /** days from now */
  days: readonly [from: number, to: number];
  /** classes of signature tools in certificatePolicies; none: not of a qualified certificate */
  policies: readonly string[];
}

// order 795 of the federal security service: class КС1
const qualified = ["1.2.643.100.113.1"];
const year = [-30, 335] as const;

/** What may be wrong with a certificate; the position is the last byte of its serial number, so never reorder. */
export const variants = {
  good: { title: "действующий сертификат", issuer: "working", days: year, policies: qualified },
  expired: { title: "срок истёк вчера", issuer: "working", days: [-366, -1], policies: qualified },
  revoked: { title: "сертификат отозван", issuer: "working", days: year, policies: qualified },
  "ca-revoked": { title: "сертификат УЦ отозван", issuer: "retired", days: year, policies: qualified },
  untrusted: { title: "посторонний УЦ", issuer: "stranger", days: year, policies: qualified },
  expiring: { title: "срок истекает через 5 дней", issuer: "working", days: [-360, 5], policies: qualified },
  enhanced: { title: "без признака класса средства подписи", issuer: "working", days: year, policies: [] },
} satisfies Record<string, Variant>;

export type VariantName = keyof typeof variants;
export const variantNames = Object.keys(variants) as VariantName[];

/** A number that names owner, kind and variant, the same after a restart: 16 bytes, the last one the variant. */
export function serialOf(owner: string, kind: string, variant: VariantName): bigint {
  const hash = createHash("sha256").update(`${owner} ${kind} ${variant}`).digest("hex").slice(0, 28);
  const last = variantNames.indexOf(variant).toString(16).padStart(2, "0");
  return BigInt(`0x40${hash}${last}`);
}

/** The variant of a serial number. */
export const variantOf = (serialNumber: bigint): VariantName | undefined =>
  variantNames[Number(serialNumber & 0xffn)];

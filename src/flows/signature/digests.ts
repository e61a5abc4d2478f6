import { createHash } from "node:crypto";
import { streebog256 } from "../../crypto/streebog.ts";
import type { SignatureTerms } from "./terms.ts";

/** Digests of frozen bytes, in hex. */
export const digestsOf = (content: Uint8Array): SignatureTerms["digests"] => ({
  sha256: createHash("sha256").update(content).digest("hex"),
  streebog256: Buffer.from(streebog256(content)).toString("hex"),
});

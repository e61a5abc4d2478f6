import type { Kysely } from "kysely";
import type { Schema } from "../../store/schema.ts";
import type { SignatureHead } from "../../store/signature-heads.ts";
import type { KeptSignature, SignatureStore } from "../../store/signatures.ts";
import type { SignatureTerms } from "./terms.ts";

export interface Signed {
  tenant: string;
  type: string;
  id: string;
}

/** What a signature stands over: a document by its bytes, or a resource by its canonical form. */
export const signedTypeOf = ({ terms }: Pick<KeptSignature, "terms">): string =>
  (terms as SignatureTerms).resource?.type ?? "DocumentReference";

/** The signatures in force over a document, oldest first. */
export const standingOverDocument = (
  store: SignatureStore,
  of: Omit<Signed, "type">,
  db?: Kysely<Schema>,
): Promise<KeptSignature[]> => standingOver(store, { ...of, type: "DocumentReference" }, db);

/**
 * The signatures that stand over a resource, oldest first: resources of several types may have one id, and the bytes of
 * a document stay what they were for its older versions too.
 */
export async function standingOver(
  store: SignatureStore,
  { type, ...of }: Signed,
  db?: Kysely<Schema>,
): Promise<KeptSignature[]> {
  if (type === "Binary") return store.overBinary(of, db);
  const all = await store.over(of, db);
  return all.filter((one) => signedTypeOf(one) === type);
}

/** As standingOver, for who only asks who signed: the bytes stay sealed. */
export async function standingHeads(
  store: SignatureStore,
  { type, ...of }: Signed,
  db?: Kysely<Schema>,
): Promise<SignatureHead[]> {
  const all = await store.heads.over(of, db);
  return all.filter((one) => signedTypeOf(one) === type);
}

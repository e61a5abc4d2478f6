import {
  authorityKeyIdentifier,
  extension,
  type Signer,
  signedStructure,
} from "../../../sandbox-crypto/certificate.ts";
import { integer, sequence, tagged, time } from "../../../sandbox-crypto/der.ts";
import { algorithms } from "../../../sandbox-crypto/keys.ts";

interface RevocationList {
  thisUpdate: Date;
  nextUpdate: Date;
  number: number;
  revoked: readonly { serialNumber: bigint; revokedAt: Date }[];
}

/** A full version 2 list of the issuer, RFC 5280 section 5.1. */
export function createCrl(list: RevocationList, { key, certificate }: Signer): Uint8Array {
  const rows = list.revoked.map(({ serialNumber, revokedAt }) =>
    sequence(integer(serialNumber), time(revokedAt)),
  );
  const content = sequence(
    integer(1),
    algorithms[key.kind].signature,
    certificate.subject,
    time(list.thisUpdate),
    time(list.nextUpdate),
    // absent, not empty, when nothing is revoked
    rows.length > 0 ? sequence(...rows) : undefined,
    tagged(0, sequence(authorityKeyIdentifier(key.spki), extension("2.5.29.20", integer(list.number)))),
  );
  return signedStructure(content, key);
}

import { type Clock, systemClock } from "../../src/core/clock.ts";
import { sandboxPkiRoots, sandboxTokenSigners } from "../../src/generated-keys.ts";
import { createKey } from "../../src/sandbox-crypto/keys.ts";
import { issueTokenSigner } from "../../src/systems/esia/sandbox/token-keys.ts";
import { issueRoot } from "../../src/systems/pki/sandbox/authorities.ts";

// an RSA key costs up to half a second, and no test minds that sandboxes of its worker have the same
const keys = {
  esia: { rsa: createKey("rsa"), gost: createKey("gost") },
  roots: { rsa: createKey("rsa"), gost: createKey("gost") },
};

/** What a sandbox signs with, certified for the time that `clock` shows. */
export const sandboxKeys = (clock: Clock) => ({
  esiaSigners: {
    RS256: issueTokenSigner(keys.esia.rsa, "esia", clock),
    GOST3410_2012_256: issueTokenSigner(keys.esia.gost, "esia", clock),
  },
  pkiRoots: { rsa: issueRoot(keys.roots.rsa, clock.now()), gost: issueRoot(keys.roots.gost, clock.now()) },
});

/** Makes in a data folder what a sandbox would make there at its first start. */
export function makeSandboxKeys(dataDir: string): void {
  sandboxTokenSigners(dataDir, systemClock);
  sandboxPkiRoots(dataDir, systemClock);
}

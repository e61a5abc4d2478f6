import type { FactsOf } from "../../access/access-facts.ts";
import type { RegionalPolicies } from "../../access/regional-policy.ts";
import type { SignatureLevel } from "../../core/context.ts";
import type { SigningCertificates } from "./certificates.ts";
import type { Signatures } from "./signatures.ts";
import { strongest } from "./verdict.ts";

const none: ReadonlyMap<string, SignatureLevel> = new Map();

interface LevelSources {
  signatures: Pick<Signatures, "levelsFor">;
  signingCertificates: Pick<SigningCertificates, "isStopped">;
  regions: RegionalPolicies;
}

/**
 * Adds to the facts which cards the person has opened with a signature in this session (E-04, E-11). After the loss of a key nothing
 * but the login counts, on every replica at once, in client systems too: the database is asked each time (E-25).
 */
export function withSignatures(factsOf: FactsOf, sources: LevelSources): FactsOf {
  const { signatures, signingCertificates, regions } = sources;
  return async (ctx, subjects) => {
    const { kind, id, onBehalfOf, organization, session } = ctx.actor;
    const regionalLevels = regions.of(organization)?.levels;
    const worker = kind === "practitioner" ? id : onBehalfOf;
    if (worker === undefined) {
      const factsFor = await factsOf(ctx, subjects);
      return regionalLevels ? (subject) => ({ ...factsFor(subject), regionalLevels }) : factsFor;
    }
    const [facts, isStopped, levels] = await Promise.all([
      factsOf(ctx, subjects),
      signingCertificates.isStopped(worker),
      // a client system has signed for its worker with the level that it is registered with
      session === undefined ? none : signatures.levelsFor({ signer: id, session }, subjects),
    ]);
    return (subject) => {
      const known = { ...facts(subject), regionalLevels };
      if (isStopped) return { ...known, signature: "simple" };
      const ofCard = subject === undefined ? undefined : levels.get(subject);
      return { ...known, signature: strongest(known.signature, ofCard) };
    };
  };
}

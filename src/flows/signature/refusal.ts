import { GatewayError } from "../../core/errors.ts";
import type { Verdict } from "./verdict.ts";

/** Throws the first certain cause of a verdict, with every detail. */
export function refuse({ problems }: Verdict): never {
  const certain = problems.find(({ code }) => code !== "revocation-unknown");
  if (!certain || certain.code === "revocation-unknown") throw new GatewayError("internal");
  throw new GatewayError(certain.code, { detail: problems.map(({ detail }) => detail).join("; ") });
}

import type { Actor } from "../core/context.ts";

/** OIDs of the organisations whose journal, and that of all below them, is the actor's to control; a regulator's alone. */
export const remitOf = ({ remit, duties }: Actor): readonly string[] | undefined =>
  duties?.includes("regulator") ? remit : undefined;

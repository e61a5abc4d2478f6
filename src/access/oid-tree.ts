/** True for an organisation that is one of these, or lies below one: ФРМО OIDs of units begin with their owner's. */
export const isAtOrBelow = (oid: string, roots: readonly string[]): boolean =>
  roots.some((root) => oid === root || oid.startsWith(`${root}.`));

import type { RequestContext } from "../core/context.ts";
import type { Answered } from "./identities.ts";
import type { PractitionerDirectory, WorkerCard } from "./practitioner-directory.ts";

export interface AskingAnew {
  practitioners: PractitionerDirectory;
  /** makes cached answers about a СНИЛС unreachable */
  forgetAnswers: (snils: string) => Promise<void>;
}

/**
 * The card as ФРМР gives it now, never a kept answer (V-12). Without Redis nothing is kept, so failing to forget does
 * no harm then. Throws as `cardBySnils` does, and `store-unavailable` when only a kept answer could be given.
 */
export async function askedAnew(
  { practitioners, forgetAnswers }: AskingAnew,
  snils: string,
  ctx: RequestContext,
): Promise<Answered<WorkerCard>> {
  const failure = await forgetAnswers(snils).catch((error: unknown) => error ?? true);
  const card = await practitioners.cardBySnils(snils, ctx);
  if (failure && card.sources.some(({ status }) => status !== "fresh")) throw failure;
  return card;
}

import type { FastifyRequest } from "fastify";
import { groundText } from "../../access/ground-text.ts";
import { type MySignaturesParts, record, resourceOf } from "./signature-access.ts";
import { requestView } from "./signature-view.ts";
import { signingWorkerOf } from "./signing-worker.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

/**
 * Documents that await a role which the worker may take, those whose card is open to them (E-15). `next` is there while
 * more may follow, also behind a page from which everything was left out.
 */
export async function listAwaited(
  { door, coSignatures, postsOf }: MySignaturesParts,
  request: FastifyRequest,
): Promise<{ items: View["AwaitedSignature"][]; next?: string }> {
  const worker = signingWorkerOf(door, request);
  const posts = await postsOf(worker.roleId, request.ctx);
  const { page: after, count: limit } = request.query as { page?: string; count: number };
  const { heads, next } = await coSignatures.awaitingMe(worker, { posts, after, limit });
  const decisions = await request.authorizeAll("search", heads.map(resourceOf));
  const items: View["AwaitedSignature"][] = [];
  for (const [index, kept] of heads.entries()) {
    const decision = decisions[index];
    if (!decision?.permit) continue;
    if (kept.subject !== undefined)
      await record(request, { action: "search", kept, ground: groundText(decision) });
    const shown = requestView(kept, { checks: [], signers: await coSignatures.signersOf(kept) });
    const { title = "", patient, kind, signers = [], document } = shown;
    if (kind && document) items.push({ document: document.id, title, patient, kind, signers });
  }
  await record(request, { action: "search" });
  return { items, ...(next !== undefined && { next }) };
}

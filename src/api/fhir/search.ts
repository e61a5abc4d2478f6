import type { FastifyReply, FastifyRequest } from "fastify";
import type { Provider, Providers } from "../../fhir/provider.ts";
import { searchBundle } from "../../fhir/search.ts";
import { parseSearch } from "../../fhir/search-request.ts";
import { requireScope } from "../../plugins/auth.ts";
import { accessesOf } from "./accesses.ts";
import { formatOf, sendResource } from "./reply.ts";

/** `GET Type?...` and `POST Type/_search` (FHIR R4 3.1.0.9). */
export const answerSearch =
  (providers: Providers) => async (request: FastifyRequest, reply: FastifyReply, provider: Provider) => {
    requireScope(request, provider.type, "s");
    const lenient = /handling\s*=\s*lenient/.test(String(request.headers.prefer ?? ""));
    const inUrl = [...pairsOf(request.query)];
    const inBody = request.method === "POST" ? [...pairsOf(request.body)] : [];
    parseSearch(providers, provider, inUrl, { lenient, inUrl: true });
    const query = parseSearch(providers, provider, [...inUrl, ...inBody], { lenient, inUrl: false });
    for (const { type } of [...query.include, ...query.revinclude]) {
      requireScope(request, type, "s");
      request.authorize("search", { type });
    }
    request.authorize("search", { type: provider.type });
    const format = formatOf(request);
    const { bundle } = await searchBundle(providers, provider, query, request.ctx);
    await Promise.all(
      accessesOf(provider, bundle).map((access) => request.journal({ action: "search", ...access })),
    );
    return sendResource(request, reply, bundle, format);
  };

function* pairsOf(source: unknown): Iterable<[string, string]> {
  for (const [name, value] of Object.entries((source ?? {}) as Record<string, unknown>))
    for (const one of [value].flat()) yield [name, String(one)];
}

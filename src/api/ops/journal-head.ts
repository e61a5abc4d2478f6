import type { FastifyInstance } from "fastify";
import type { ExportedHead } from "../../store/journal-format.ts";

/**
 * `GET /.well-known/journal-head`, open: how far the journal is sealed, with signature and key. Whoever keeps it can
 * show later that the journal was cut or written anew; it tells of nobody's data.
 */
export function registerJournalHead(app: FastifyInstance, head: () => Promise<ExportedHead>): void {
  app.get("/.well-known/journal-head", async (_request, reply) => {
    reply.header("cache-control", "no-store");
    return head();
  });
}

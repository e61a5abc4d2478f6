import type { FastifyInstance } from "fastify";
import type { SandboxSigners } from "./signers.ts";

interface Asked {
  Params: { oid: string };
  Body: { content: string };
  Headers: { "idempotency-key"?: string };
}

/** An organisation's signing service of our design: one signature for one key, however often it is asked. */
export function organizationDoor(app: FastifyInstance, signers: SandboxSigners, now: () => Date): void {
  const given = new Map<string, { content: string; signature: string }>();
  app.post<Asked>(
    "/organizations/:oid/signatures",
    {
      schema: {
        headers: { type: "object", required: ["idempotency-key"] },
        body: {
          type: "object",
          required: ["content"],
          additionalProperties: false,
          properties: { content: { type: "string" } },
        },
      },
    },
    async ({ params: { oid }, body: { content }, headers }, reply) => {
      const key = `${oid} ${headers["idempotency-key"]}`;
      const known = given.get(key);
      if (known && known.content !== content)
        return reply.code(409).send({ error: "key of another content" });
      if (known) return { signature: known.signature };
      const bytes = Buffer.from(content, "base64");
      const cms = signers.sign({ owner: oid, kind: "gost", variant: "good" }, bytes, now());
      if (!cms) return reply.code(404).send({ error: "no such organisation" });
      const signature = Buffer.from(cms).toString("base64");
      given.set(key, { content, signature });
      return { signature };
    },
  );
}

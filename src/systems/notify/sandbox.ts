import type { FastifyInstance } from "fastify";
import type { SandboxSystem } from "../sandbox-system.ts";
import { type OutboxRow, outboxPage } from "./sandbox-page.ts";

type Message = Pick<OutboxRow, "id" | "to" | "subject" | "text">;

// the newest ones are what a person or a test looks for
const keptMessages = 500;

const addressForms: Readonly<Record<string, RegExp>> = {
  sms: /^\+7\d{10}$/,
  email: /^[^\s@]+@[^\s@]+$/,
  push: /^[\w:.-]{8,}$/,
};

/** The operator's message gateway: takes SMS, e-mail and push, keeps them in an outbox and sends nothing. */
export function notifySandbox(): SandboxSystem {
  return {
    name: "notify",
    title: "Шлюз сообщений: СМС, почта, push",
    operations: [
      { name: "sms", grade: "C", note: "наш формат: у каждого оператора свой" },
      { name: "email", grade: "C", note: "наш формат" },
      { name: "push", grade: "C", note: "наш формат" },
    ],
    scenarios: { "bad-address": "400: the address is refused", lost: "accepted, but not in the outbox" },
    wrongSchema: { contentType: "application/json; charset=utf-8", body: '{"status":"queued"}' },

    async register(app, { clock }) {
      const outbox: OutboxRow[] = [];
      messageRoutes(app, (row) => {
        if (outbox.some(({ id, channel }) => id === row.id && channel === row.channel)) return false;
        outbox.unshift({ ...row, at: new Date(clock.now()).toISOString() });
        outbox.splice(keptMessages);
        return true;
      });
      const rowsTo = (to?: string) => outbox.filter((row) => !to || row.to === to);
      app.post<{ Body: { to?: string } }>("/_outbox", async ({ body }) => rowsTo(body?.to));
      app.delete("/_outbox", async () => void outbox.splice(0));
      app.get("/", async (_request, reply) =>
        reply.type("text/html; charset=utf-8").send(outboxPage(outbox)),
      );
    },
  };
}

function messageRoutes(app: FastifyInstance, keep: (row: Omit<OutboxRow, "at">) => boolean): void {
  for (const [channel, form] of Object.entries(addressForms))
    app.post<{ Body: Partial<Message> }>(`/${channel}`, (request, reply) => {
      const { body, headers, scenario } = request;
      if (!/^Bearer \S+$/.test(headers.authorization ?? "")) return reply.code(401).send({ error: "no key" });
      const isRefused = scenario === "bad-address" || !isMessage(body) || !form.test(body.to);
      if (isRefused) return reply.code(400).send({ error: "bad message" });
      const { id, to, subject, text } = body;
      const isNew = scenario === "lost" || keep({ id, channel, to, subject, text });
      return reply.send({ status: isNew ? "accepted" : "duplicate" });
    });
}

const isMessage = (body: Partial<Message> | null): body is Message =>
  [body?.id, body?.to, body?.subject, body?.text].every((part) => typeof part === "string" && part !== "");

import type { SandboxSystem } from "../sandbox-system.ts";

interface Heard {
  at: string;
  notification: unknown;
}

const keptNotifications = 200;

/** A client system that hears of events: keeps what it is told at any address below it. */
export function subscriberSandbox(): SandboxSystem {
  return {
    name: "subscriber",
    title: "Получатель уведомлений (Subscription, rest-hook)",
    operations: [{ name: "hook", grade: "A", note: "FHIR R4 Subscription, Subscriptions R5 Backport 1.1" }],
    scenarios: { deaf: "404: nobody listens at the address" },
    wrongSchema: { contentType: "application/json; charset=utf-8", body: "[]" },

    async register(app, { clock }) {
      const heard = new Map<string, Heard[]>();
      const type = /^application\/(fhir\+)?json/;
      app.removeContentTypeParser("application/json");
      app.addContentTypeParser(type, { parseAs: "string" }, (_request, body, done) => {
        try {
          done(null, JSON.parse(String(body)));
        } catch (error) {
          done(error as Error);
        }
      });
      app.post<{ Params: { name: string } }>("/:name", (request, reply) => {
        if (request.scenario === "deaf") return reply.code(404).send();
        const list = heard.get(request.params.name) ?? [];
        list.push({ at: new Date(clock.now()).toISOString(), notification: request.body });
        heard.set(request.params.name, list.slice(-keptNotifications));
        return reply.code(204).send();
      });
      app.get<{ Params: { name: string } }>("/:name", async ({ params }) => heard.get(params.name) ?? []);
    },
  };
}

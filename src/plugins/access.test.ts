import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { beforeEach, describe, expect, it } from "vitest";
import type { AccessAction, AccessedResource, KnownFacts } from "../access/access-facts.ts";
import { postTableIn } from "../access/post-rights.ts";
import { ManualClock } from "../core/clock.ts";
import type { Actor } from "../core/context.ts";
import { silentLogger } from "../core/logger.ts";
import type { JournalRow } from "../store/journal-format.ts";
import { registerAccess } from "./access.ts";
import { registerContext } from "./context.ts";
import { registerErrors } from "./errors.ts";
import { recordRefusal, registerJournal } from "./journal.ts";
import { serverOptions } from "./server-options.ts";

const publicUrl = "https://gw.example";
const clock = new ManualClock();
const clinic = "1.2.643.5.1.13.13.12.2.77.90001";
const doctor: Actor = {
  kind: "practitioner",
  id: "doctor",
  tenant: clinic,
  scopes: [],
  role: "role",
  organization: clinic,
  purpose: "TREAT",
};
const post = postTableIn().rightsOf(["109"]);
const known: Readonly<Record<string, KnownFacts>> = {
  anna: {
    activeWorker: true,
    post,
    signature: "qualified",
    relations: [
      {
        kind: "assigned",
        patient: "anna",
        practitioner: "doctor",
        organization: clinic,
        rights: ["view"],
      },
    ],
  },
  boris: { activeWorker: true, post, signature: "qualified" },
};

let app: FastifyInstance;
let rows: JournalRow[];
let asked: (readonly string[])[];
let act: (request: FastifyRequest) => unknown;

beforeEach(() => {
  rows = [];
  asked = [];
  app = fastify(serverOptions({ publicUrl, timeoutMs: 30_000 }));
  registerContext(app, { clock, log: silentLogger, timeoutMs: 30_000 });
  registerErrors(app, { publicUrl, record: recordRefusal });
  registerJournal(app, { append: async (row) => void rows.push(row), appendIn: async () => {} }, clock);
  registerAccess(app, {
    clock,
    factsOf: async (_ctx, subjects) => {
      asked.push(subjects);
      return (subject) => known[subject ?? ""] ?? {};
    },
    statable: { breakGlass: false, legal: [] },
    onUnusual: async () => {},
  });
  app.get("/fhir/:type/:id", async (request) => {
    request.ctx.actor = doctor;
    return (await act(request)) ?? {};
  });
});

const condition = (subject: string, id = `of-${subject}`): AccessedResource => ({
  type: "Condition",
  id,
  subject,
});
const visit = () => app.inject("/fhir/Condition/1");

describe("authorizeOne", () => {
  it("a doctor who is not the patient's is refused, and the journal has the attempt with its patient", async () => {
    act = (request) => request.authorizeOne("read", condition("boris"));
    const answer = await visit();
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({
      issue: [{ code: "forbidden", diagnostics: expect.stringContaining("care-relation") }],
    });
    expect(rows).toEqual([
      expect.objectContaining({
        actorId: "doctor",
        subject: "boris",
        outcome: "access-denied",
        ground: "no-ground:consent-access,care-relation,legal-ground",
      }),
    ]);
    act = (request) => request.authorizeOne("read", condition("anna"));
    expect((await visit()).statusCode).toBe(200);
  });

  it("system data ask for no facts", async () => {
    act = (request) => request.authorizeOne("read", { type: "Organization", id: "1" });
    expect((await visit()).statusCode).toBe(200);
    expect(asked).toEqual([]);
  });
});

describe("authorizeAll", () => {
  const permitsOf = async (action: AccessAction, resources: readonly AccessedResource[]) => {
    let permits: boolean[] = [];
    act = async (request) => {
      permits = (await request.authorizeAll(action, resources)).map(({ permit }) => permit);
      for (const { type, id } of resources)
        await request.journal({ action, resourceType: type, resourceId: id });
    };
    expect((await visit()).statusCode).toBe(200);
    return permits;
  };

  it("decides on each, asks for the facts of all people at once, and throws for none", async () => {
    const resources = [condition("anna"), condition("boris"), condition("anna", "2")];
    expect(await permitsOf("search", resources)).toEqual([true, false, true]);
    expect(asked).toEqual([["anna", "boris"]]);
  });

  it("the journal keeps the ground of each resource", async () => {
    await permitsOf("search", [condition("anna"), { type: "Organization", id: "clinic" }]);
    expect(rows.map(({ resourceId, ground }) => [resourceId, ground])).toEqual([
      ["of-anna", "care-assigned"],
      ["clinic", "system-data"],
    ]);
  });

  it("nothing to decide on asks for nothing", async () => {
    expect(await permitsOf("search", [])).toEqual([]);
    expect(asked).toEqual([]);
  });
});

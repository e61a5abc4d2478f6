import type { FastifyInstance } from "fastify";
import type { SandboxSystem } from "../systems/sandbox-system.ts";
import type { Person, World, WorldChange } from "../systems/sandbox-world.ts";
import { landingPage } from "./landing-page.ts";
import { type ScenarioBook, type ScenarioOrder, scenariosOf } from "./scenarios.ts";

interface Controlled {
  systems: readonly SandboxSystem[];
  world: World;
  book: ScenarioBook;
}

const orderSchema = {
  type: "object",
  required: ["system", "scenario"],
  additionalProperties: false,
  properties: {
    system: { type: "string" },
    scenario: { type: "string" },
    at: { type: "string", maxLength: 200 },
    times: { type: "integer", minimum: 1, maximum: 1_000_000, default: 1 },
  },
};

const rows = { type: "array", items: { type: "object" } };
const changeSchema = {
  type: "object",
  additionalProperties: false,
  properties: { organizations: rows, people: rows, workers: rows },
};

/** The sandbox's own doors: the landing page, its people, scenarios to order, the world to change. */
export function controlDoors(app: FastifyInstance, { systems, world, book }: Controlled): void {
  const scenarios = Object.fromEntries(systems.map((system) => [system.name, scenariosOf(system)]));
  const personas = () => [...world.people.values()].filter((person) => person.note).map(personaOf);

  app.get("/", (_request, reply) =>
    reply.type("text/html; charset=utf-8").send(landingPage(systems, personas(), scenarios)),
  );
  app.get("/_people", () => personas());
  app.get("/_scenarios", () => scenarios);
  app.post<{ Body: Omit<ScenarioOrder, "at"> & { at?: string } }>(
    "/_scenario",
    { schema: { body: orderSchema } },
    ({ body }, reply) => {
      if (!Object.hasOwn(scenarios[body.system] ?? {}, body.scenario)) {
        return reply.code(400).send({ error: "unknown system or scenario", known: scenarios });
      }
      const usual = systems.find(({ name }) => name === body.system)?.scenarioPaths?.[body.scenario];
      book.order({ ...body, at: body.at ?? usual ?? "" });
      return reply.code(204).send();
    },
  );
  app.delete("/_scenario", (_request, reply) => {
    book.clear();
    return reply.code(204).send();
  });
  app.get("/_world", () => ({
    organizations: [...world.organizations.values()],
    people: [...world.people.values()],
    workers: [...world.workers.values()],
  }));
  app.post<{ Body: WorldChange }>("/_world", { schema: { body: changeSchema } }, ({ body }, reply) => {
    world.change(body);
    return reply.code(204).send();
  });
  app.delete("/_world", (_request, reply) => {
    world.reset();
    return reply.code(204).send();
  });
}

/** What the start page shows of a persona. */
interface Persona {
  id: string;
  name: string;
  note: string;
  snils?: string;
}

function personaOf({ id, family, given, middle, note = "", snils }: Person): Persona {
  return { id, name: [family, given, middle].filter(Boolean).join(" "), note, snils };
}

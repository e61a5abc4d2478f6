import type { CapabilityStatement, CapabilityStatementRestResource } from "@medplum/fhirtypes";
import { ManualClock } from "../../../src/core/clock.ts";
import type { Provider } from "../../../src/fhir/provider.ts";
import type { SearchTerminology } from "../../../src/fhir/search/terminology.ts";
import { storedTypes } from "../../../src/fhir/stored-types.ts";
import { createValidator } from "../../../src/fhir/validation/validator.ts";
import { openFhir, withValidation } from "../../../src/fhir-doors.ts";
import { subscriptionOperations } from "../../../src/flows/subscriptions/operations.ts";
import { journalSearch } from "../../../src/store/journal-search.ts";
import type { Surroundings } from "../../../src/surroundings.ts";
import { startApp, type TestApp } from "../app.ts";
import { type FhirServer, startFhirServer } from "../fhir-server.ts";
import { linesBeside } from "./beside.ts";
import { type Line, type Listing, searchLines } from "./cases.ts";
import { heldLines } from "./held.ts";
import { interactionLines } from "./interactions.ts";
import { operationLines } from "./operations.ts";
import { linesOf } from "./stated.ts";
import { systemLines } from "./system.ts";

export interface Proof {
  passed: number;
  failed: readonly string[];
}

const alone = async (_system: string, code: string) => [code];
const oneCode = { system: "urn:capability", code: "code-1" };
const terminology: SearchTerminology = {
  codesOf: async (url) => (url === "urn:set" ? [oneCode] : undefined),
  subtree: alone,
  ancestors: alone,
};
const callers = 6;

const stored = new Set<string>(storedTypes.map(({ type }) => type));

/**
 * Executes the CapabilityStatement of the whole gateway line by line over a socket; a line that has no case fails.
 * What is not stored is answered by the gateway's own providers: registries through the sandbox, journal, maps, codes.
 */
export async function proveCapability(databaseUrl?: string): Promise<Proof> {
  const clock = new ManualClock(Date.UTC(2026, 10, 22, 9));
  const app = await startApp({}, clock);
  const { providers } = openFhir(app.config, app.parts, {
    around: { clock } as Partial<Surroundings> as Surroundings,
    journal: journalSearch({ ...app.parts, db: app.parts.store.db }),
  });
  const held = providers.all.filter(({ type }) => !stored.has(type));
  const server = await serverOf(held, { clock, databaseUrl });
  try {
    await app.parts.copies.sync(new AbortController().signal);
    await accessesIn(app);
    const answer = await fetch(`${app.url}/fhir/metadata`);
    const statement = (await answer.json()) as CapabilityStatement;
    const beside = linesBeside(server, providers, statement);
    return await proved([...casesOf(server, statement, held), ...beside], linesOf(statement));
  } finally {
    await server.close();
    await app.close();
  }
}

/** The types of the gateway over a store in which everybody may do everything. */
function serverOf(
  held: readonly Provider[],
  { clock, databaseUrl }: { clock: ManualClock; databaseUrl: string | undefined },
): Promise<FhirServer> {
  const validator = createValidator();
  return startFhirServer({
    databaseUrl,
    clock,
    terminology,
    // samples have what a parameter looks at and nothing else, so they break invariants
    validate: async () => [],
    providers: held,
    operations: (parts) => ({ Subscription: subscriptionOperations(parts) }),
    withEach: (provider) =>
      stored.has(provider.type)
        ? withValidation(provider, async (one, options) => validator.validate(one, options))
        : provider,
  });
}

// a registry lists nothing, its copy anything in an order
const orders: Readonly<Record<string, string>> = {
  Practitioner: "family",
  PractitionerRole: "date",
  Organization: "name",
};

const listing: Listing = (type) => {
  if (stored.has(type)) return undefined;
  const order = orders[type];
  return { _count: "50", ...(order && { _sort: order }) };
};

function casesOf(server: FhirServer, statement: CapabilityStatement, held: readonly Provider[]): Line[] {
  const stated: readonly CapabilityStatementRestResource[] = statement.rest?.[0]?.resource ?? [];
  const ofType = (one: CapabilityStatementRestResource): Line[] => {
    const provider = held.find(({ type }) => type === one.type);
    if (!provider) return [...interactionLines(server, one), ...searchLines(server, one, listing)];
    const { searchParameters: parameters, type } = provider;
    const reverse = one.searchRevInclude ?? [];
    const isStored = (include: string) => stored.has(include.split(":")[0] ?? "");
    const referring = reverse.filter((include) => !isStored(include));
    return [
      ...heldLines(server, { stated: one, parameters, referring, list: listing(type) ?? {} }),
      ...searchLines(server, { type, searchRevInclude: reverse.filter(isStored) }, listing),
    ];
  };
  const types = stated.flatMap(({ type = "" }) => type);
  return [...systemLines(server), ...operationLines(server, types), ...stated.flatMap(ofType)];
}

/** Rows of the journal, for AuditEvent to show. */
async function accessesIn({ parts }: TestApp): Promise<void> {
  for (const [n, at] of [Date.UTC(2026, 10, 21), Date.UTC(2026, 10, 22)].entries())
    await parts.journal.append({
      at,
      tenant: "1.2.643.5.1.13.13.12.2.77.90001",
      requestId: `capability-${n}`,
      actorKind: "practitioner",
      actorId: `worker-${n}`,
      action: "read",
      resourceType: "Patient",
      resourceId: `patient-${n}`,
      subject: `patient-${n}`,
      outcome: "ok",
    });
}

/** Runs the cases that the lines name; `passed` counts lines. */
async function proved(cases: readonly Line[], lines: readonly string[]): Promise<Proof> {
  const byTitle = new Map(cases.map(({ title, run }) => [title, run]));
  const failed: string[] = [];
  let next = 0;
  const caller = async () => {
    for (let title = lines[next++]; title !== undefined; title = lines[next++]) {
      const run = byTitle.get(title) ?? (() => Promise.reject(new Error("no case covers this line")));
      await run().catch((error: Error) => failed.push(`${title}: ${error.message}`));
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { passed: lines.length - failed.length, failed };
}

import type { CapabilityStatement, Resource } from "@medplum/fhirtypes";
import type { Provider } from "../../../src/fhir/provider.ts";
import type { SearchTerminology } from "../../../src/fhir/search/terminology.ts";
import { storedTypes } from "../../../src/fhir/stored-types.ts";
import { startFhirServer } from "../fhir-server.ts";
import { type Line, searchLines } from "./cases.ts";
import { interactionLines } from "./interactions.ts";

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

/** Types that are not stored, so that includes have something to lead to. */
const readThrough = [
  "Practitioner",
  "PractitionerRole",
  "Organization",
  "AuditEvent",
  "ConceptMap",
  "StructureMap",
  "CodeSystem",
  "ValueSet",
] as const;

const holder = (type: (typeof readThrough)[number]): Provider => ({
  type,
  documentation: "held elsewhere",
  searchParameters: [],
  read: async (id) => ({ value: { resourceType: type, id } as Resource, sources: [] }),
  search: async () => ({ value: [], sources: [] }),
});

const stored = new Set<string>(storedTypes.map(({ type }) => type));

/** Executes what the CapabilityStatement says of stored types, line by line, over a socket. */
export async function proveStoredTypes(databaseUrl?: string): Promise<Proof> {
  // samples have what a parameter looks at and nothing else, so they break invariants
  const server = await startFhirServer({
    databaseUrl,
    terminology,
    validate: async () => [],
    providers: readThrough.filter((type) => !stored.has(type)).map(holder),
  });
  try {
    const { body } = await server.call<CapabilityStatement>("GET", "/metadata");
    const stated = (body.rest?.[0]?.resource ?? []).filter(({ type = "" }) => stored.has(type));
    return await proved(
      stated.flatMap((one) => [...interactionLines(server, one), ...searchLines(server, one)]),
    );
  } finally {
    await server.close();
  }
}

async function proved(lines: readonly Line[]): Promise<Proof> {
  const failed: string[] = [];
  let next = 0;
  const caller = async () => {
    for (let line = lines[next++]; line; line = lines[next++]) {
      const { title } = line;
      await line.run().catch((error: Error) => failed.push(`${title}: ${error.message}`));
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { passed: lines.length - failed.length, failed };
}

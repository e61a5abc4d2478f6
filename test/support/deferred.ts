import type {
  Bundle,
  BundleEntry,
  Observation,
  OperationOutcome,
  Patient,
  Resource,
} from "@medplum/fhirtypes";
import { expect } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import { type CarryOut, deferredRequestWorkers } from "../../src/jobs/deferred-requests.ts";
import { type Answer, startFhirServer } from "./fhir-server.ts";

export const later = { prefer: "respond-async" };
export const form = { "content-type": "application/x-www-form-urlencoded" };

export const patientOf = (family: string): Patient => ({ resourceType: "Patient", name: [{ family }] });
export const observationOf = (patient: string): Observation => ({
  resourceType: "Observation",
  status: "final",
  code: { text: "пульс" },
  subject: { reference: `Patient/${patient}` },
});
export const batchOf = (...entry: object[]) => ({ resourceType: "Bundle", type: "batch", entry });

export type DeferringDoor = Awaited<ReturnType<typeof startDeferringDoor>>;

/** The FHIR door with its queue of deferred requests, which are worked off when the test says so. */
export async function startDeferringDoor(engine: "postgres" | "pglite") {
  const world = { refused: undefined as string | undefined, isWorker: true };
  const server = await startFhirServer({
    dataDir: engine === "pglite" ? "memory://" : undefined,
    refuses: (_action, { id }) => id !== undefined && id === world.refused,
    confirmHuman: async () => {
      if (!world.isWorker) throw new GatewayError("access-denied");
    },
  });
  let token = server.token;
  type Given = Parameters<typeof server.call>[2];
  const call = <T = Resource>(method: string, path: string, given: Given = {}): Promise<Answer<T>> =>
    server.call<T>(method, path, { ...given, token: given.token ?? token });
  const runOnce = async (carryOut: CarryOut) => {
    const [worker] = deferredRequestWorkers({ requests: server.deferred, carryOut, clock: server.clock });
    await worker?.run(new AbortController().signal);
  };
  const work = () => runOnce(server.carryOut);
  /** Has a request put off; where its answer will be, as a path of the door. */
  const begin = async (method: string, path: string, given: Given = {}) => {
    const answer = await call(method, path, { ...given, headers: { ...later, ...given.headers } });
    expect([answer.status, answer.text]).toEqual([202, ""]);
    return placeOf(answer);
  };
  const placeOf = ({ headers }: Answer<unknown>) =>
    (headers.get("content-location") ?? "").replace(server.baseUrl, "");
  const fetched = async (place: string, given: Given = {}) => {
    const answer = await call<Bundle>("GET", place, given);
    expect(answer.status, answer.text).toBe(200);
    return answer;
  };
  return {
    server,
    world,
    call,
    begin,
    placeOf,
    fetched,
    runOnce,
    work,
    /** The queue is empty, the token new, and everything permitted. */
    reset: async () => {
      Object.assign(world, { refused: undefined, isWorker: true });
      await server.store.db.deleteFrom("deferred_request").execute();
      server.journal.length = 0;
      token = await server.tokenFor("system/*.cruds");
    },
    create: async (resource: Resource) =>
      (await call("POST", `/${resource.resourceType}`, { body: resource })).body as Resource & { id: string },
    done: async (...asked: Parameters<typeof begin>) => {
      const place = await begin(...asked);
      await work();
      return (await fetched(place)).body;
    },
    rows: () => server.store.db.selectFrom("deferred_request").selectAll().execute(),
  };
}

export const onlyEntry = ({ entry: [entry] = [] }: Bundle): BundleEntry => entry as BundleEntry;

/** Status of an entry, and the code of our error table in its outcome. */
export const refusalIn = ({ response }: BundleEntry) => [
  response?.status,
  (response?.outcome as OperationOutcome | undefined)?.issue[0]?.details?.coding?.[0]?.code,
];

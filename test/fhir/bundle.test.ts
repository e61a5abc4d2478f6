import type {
  Bundle,
  BundleEntry,
  Encounter,
  Observation,
  OperationOutcome,
  Patient,
  Resource,
  Task,
} from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { xmlOfResource } from "../../src/fhir/xml-codec.ts";
import { codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

const system = "https://mis.example/card";
const patient = (value: string): Patient => ({ resourceType: "Patient", identifier: [{ system, value }] });
const observation = (reference: string): Observation => ({
  resourceType: "Observation",
  status: "final",
  code: { text: "пульс" },
  subject: { reference },
});
const entry = (
  method: string,
  url: string,
  more: { fullUrl?: string; resource?: Resource; request?: object } = {},
): BundleEntry => ({ ...more, request: { method, url, ...more.request } }) as BundleEntry;
const bundleOf = (type: Bundle["type"], ...entries: BundleEntry[]): Bundle => ({
  resourceType: "Bundle",
  type,
  entry: entries,
});
const unknownPatient = "0000dead-0000-4000-8000-000000000000";

describe.each(["postgres", "pglite"] as const)("bundles on %s", (engine) => {
  let server: FhirServer;
  beforeAll(async () => {
    server = await startFhirServer({
      dataDir: engine === "pglite" ? "memory://" : undefined,
      rules: { bundleEntries: 20 },
      refuses: (_action, { id }) => id === unknownPatient,
    });
  });
  afterAll(() => server?.close());

  const post = (bundle: unknown, headers: Record<string, string> = {}, token?: string) =>
    server.call<Bundle>("POST", "", { body: bundle, headers, token });
  const transaction = (...entries: BundleEntry[]) => post(bundleOf("transaction", ...entries));
  const statuses = ({ entry: entries = [] }: Bundle) =>
    entries.map(({ response }) => response?.status?.slice(0, 3));
  const idIn = (answer: Bundle, index: number) =>
    /\/(?:[A-Z]\w+)\/([^/]+)\/_history/.exec(answer.entry?.[index]?.response?.location ?? "")?.[1] ?? "";
  const read = async <T extends Resource>(path: string) => (await server.call<T>("GET", path)).body;
  const create = async (resource: Resource) =>
    (await server.call("POST", `/${resource.resourceType}`, { body: resource })).body;

  describe("a transaction", () => {
    it("links its entries by their urn:uuid", async () => {
      const [one, two] = [
        "urn:uuid:11111111-0000-4000-8000-000000000001",
        "urn:uuid:11111111-0000-4000-8000-000000000002",
      ];
      const visit: Encounter = {
        resourceType: "Encounter",
        status: "finished",
        class: { system: "http://terminology.hl7.org/CodeSystem/v3-ActCode", code: "AMB" },
        subject: { reference: one },
      };
      const answer = await transaction(
        entry("POST", "Observation", { resource: { ...observation(one), encounter: { reference: two } } }),
        entry("POST", "Encounter", { fullUrl: two, resource: visit }),
        entry("POST", "Patient", { fullUrl: one, resource: patient("1") }),
      );
      expect(answer.body.type).toBe("transaction-response");
      expect(statuses(answer.body)).toEqual(["201", "201", "201"]);
      const stored = await read<Observation>(`/Observation/${idIn(answer.body, 0)}`);
      expect(stored.subject?.reference).toBe(`Patient/${idIn(answer.body, 2)}`);
      expect(stored.encounter?.reference).toBe(`Encounter/${idIn(answer.body, 1)}`);
      expect(answer.body.entry?.[0]?.response).toMatchObject({ etag: 'W/"1"', status: "201 Created" });
      expect(answer.body.entry?.[0]?.resource).toBeUndefined();
    });

    it("resolves criteria of its own entries and references by criteria", async () => {
      const one = "urn:uuid:22222222-0000-4000-8000-000000000001";
      const make = () =>
        transaction(
          entry("POST", "Observation", {
            resource: observation(one),
            request: { ifNoneExist: `subject=${one}` },
          }),
          entry("POST", "Patient", {
            fullUrl: one,
            resource: patient("2"),
            request: { ifNoneExist: `identifier=${system}|2` },
          }),
        );
      expect(statuses((await make()).body)).toEqual(["201", "201"]);
      const again = await make();
      expect(statuses(again.body)).toEqual(["200", "200"]);
      const linked = await transaction(
        entry("POST", "Observation", { resource: observation(`Patient?identifier=${system}|2`) }),
      );
      const stored = await read<Observation>(`/Observation/${idIn(linked.body, 0)}`);
      expect(stored.subject?.reference).toBe(`Patient/${idIn(again.body, 1)}`);
      const nobody = await transaction(
        entry("POST", "Observation", { resource: observation(`Patient?identifier=${system}|nobody`) }),
      );
      expect([nobody.status, codeOf(nobody)]).toEqual([412, "criteria-ambiguous"]);
    });

    it("is where a reference by criteria belongs: alone and in a batch it is refused", async () => {
      const { id } = await create(observation("Patient/1"));
      const body = observation(`Patient?identifier=${system}|2`);
      const change = [{ op: "replace", path: "/subject/reference", value: body.subject?.reference }];
      const headers = { "if-match": 'W/"1"' };
      const answers = [
        await server.call("POST", "/Observation", { body }),
        await server.call("PUT", `/Observation/${id}`, { body: { ...body, id }, headers }),
        await server.call("PATCH", `/Observation/${id}`, {
          body: JSON.stringify(change),
          headers: { ...headers, "content-type": "application/json-patch+json" },
        }),
      ];
      for (const answer of answers) expect([answer.status, codeOf(answer)]).toEqual([400, "bad-request"]);
      const batch = await post(bundleOf("batch", entry("POST", "Observation", { resource: body })));
      expect(statuses(batch.body)).toEqual(["400"]);
    });

    it("is all or nothing, and names the entry that failed", async () => {
      const before = await create(patient("3"));
      const id = crypto.randomUUID();
      const answer = await transaction(
        entry("DELETE", `Patient/${before.id}`, { request: { ifMatch: 'W/"1"' } }),
        entry("PUT", `Patient/${id}`, { resource: { ...patient("3"), id } }),
        entry("POST", "Observation", { resource: { resourceType: "Observation" } as Observation }),
      );
      expect([answer.status, codeOf(answer)]).toEqual([422, "validation-failed"]);
      expect((answer.body as unknown as OperationOutcome).issue[0]?.expression?.[0]).toMatch(
        /^Bundle\.entry\[2\]/,
      );
      expect((await server.call("GET", `/Patient/${before.id}`)).status).toBe(200);
      expect((await server.call("GET", `/Patient/${id}`)).status).toBe(404);
    });

    it("that fails while it writes leaves nothing, not even in the search", async () => {
      const stale = await create(patient("stale"));
      const answer = await transaction(
        entry("POST", "Patient", { resource: patient("half") }),
        entry("PUT", `Patient/${stale.id}`, { resource: stale, request: { ifMatch: 'W/"9"' } }),
      );
      expect([answer.status, codeOf(answer)]).toEqual([412, "version-conflict"]);
      const body = `identifier=${system}|half`;
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const found = await server.call<Bundle>("POST", "/Patient/_search?_total=accurate", { body, headers });
      expect(found.body.total).toBe(0);
    });

    it("runs DELETE, POST, PUT, GET in this order whatever theirs is", async () => {
      const old = await create(patient("4"));
      const other = await create(patient("4b"));
      const answer = await transaction(
        entry("GET", `Patient/${other.id}`),
        entry("PUT", `Patient/${other.id}`, {
          resource: { ...other, active: true } as Patient,
          request: { ifMatch: 'W/"1"' },
        }),
        entry("POST", "Patient", { resource: patient("4") }),
        entry("DELETE", `Patient/${old.id}`, { request: { ifMatch: 'W/"1"' } }),
      );
      expect(statuses(answer.body)).toEqual(["200", "200", "201", "204"]);
      expect((answer.body.entry?.[0]?.resource as Patient | undefined)?.active).toBe(true);
    });

    it("patches, and answers with resources when asked", async () => {
      const { id } = await create(patient("5"));
      const data = Buffer.from(JSON.stringify([{ op: "add", path: "/active", value: true }])).toString(
        "base64",
      );
      const answer = await post(
        bundleOf(
          "transaction",
          entry("PATCH", `Patient/${id}`, {
            resource: { resourceType: "Binary", contentType: "application/json-patch+json", data },
            request: { ifMatch: 'W/"1"' },
          }),
        ),
        { prefer: "return=representation" },
      );
      expect((answer.body.entry?.[0]?.resource as Patient)?.active).toBe(true);
    });

    describe("of which two entries are about one resource", () => {
      const order = (value: string): Task => ({
        resourceType: "Task",
        status: "requested",
        intent: "order",
        identifier: [{ system, value }],
      });
      const created = (value: string, ifNoneExist = `identifier=${system}|${value}`) =>
        entry("POST", "Task", { resource: order(value), request: { ifNoneExist } });
      const found = async (value: string) =>
        (await read<Bundle>(`/Task?identifier=${system}|${value}`)).entry?.length ?? 0;
      const refused = async (...entries: BundleEntry[]) => {
        const answer = await transaction(...entries);
        expect([answer.status, codeOf(answer)]).toEqual([400, "bad-request"]);
      };

      it("is refused when one deletes or changes what another finds", async () => {
        const { id } = await create(order("twice"));
        const ifMatch = { request: { ifMatch: 'W/"1"' } };
        await refused(entry("DELETE", `Task/${id}`, ifMatch), created("twice"));
        await refused(created("twice"), entry("DELETE", `Task?identifier=${system}|twice`));
        await refused(
          created("twice"),
          entry("PUT", `Task/${id}`, { resource: { ...order("twice"), id }, ...ifMatch }),
        );
        expect(await found("twice")).toBe(1);
      });

      it("is refused when one makes what another is to find", async () => {
        await refused(created("made"), created("made"));
        await refused(created("made"), created("made", `identifier=${system}|made&status=requested`));
        await refused(
          created("made"),
          entry("PUT", `Task?identifier=${system}|made`, { resource: order("made") }),
        );
        expect(await found("made")).toBe(0);
      });

      it("passes when both only find it", async () => {
        const { id } = await create(order("found"));
        const answer = await transaction(created("found"), created("found"));
        expect(statuses(answer.body)).toEqual(["200", "200"]);
        expect([0, 1].map((index) => idIn(answer.body, index))).toEqual([id, id]);
      });
    });

    it.each<[string, BundleEntry[], number, string]>([
      ["a type of another system", [entry("GET", "Practitioner/x")], 404, "unsupported-type"],
      [
        "the same resource twice",
        [1, 2].map(() => entry("DELETE", `Patient/${unknownPatient}x`)),
        400,
        "bad-request",
      ],
      [
        "a read of what is not there",
        [
          entry("POST", "Patient", { resource: patient("6") }),
          entry("GET", `Patient/${crypto.randomUUID()}`),
        ],
        404,
        "not-found",
      ],
      [
        "what decide() refuses",
        [entry("PUT", `Patient/${unknownPatient}`, { resource: { ...patient("6"), id: unknownPatient } })],
        403,
        "access-denied",
      ],
      ["no request", [{ resource: patient("6") } as BundleEntry], 400, "bad-request"],
      ["a method that there is not", [entry("BREW", "Patient")], 405, "method-not-allowed"],
      ["a POST with an id", [entry("POST", "Patient/1", { resource: patient("6") })], 400, "bad-request"],
      ["an address of nothing", [entry("GET", "Patient/1/2/3/4")], 400, "bad-request"],
      [
        "a resource of another type",
        [entry("POST", "Patient", { resource: observation("Patient/1") })],
        400,
        "bad-request",
      ],
      [
        "a link to an entry that there is not",
        [
          entry("POST", "Observation", {
            resource: observation("urn:uuid:44444444-0000-4000-8000-000000000001"),
          }),
        ],
        400,
        "bad-request",
      ],
      [
        "two entries of one fullUrl",
        [1, 2].map(() => entry("POST", "Patient", { fullUrl: "urn:uuid:1", resource: patient("6") })),
        400,
        "bad-request",
      ],
      ["null for an entry", [null as unknown as BundleEntry], 400, "bad-request"],
    ])("refuses %s", async (_name, entries, status, code) => {
      const answer = await transaction(...entries);
      expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    });

    it("16 at once that find or make the same patient make one", async () => {
      const one = "urn:uuid:33333333-0000-4000-8000-000000000001";
      const answers = await Promise.all(
        Array.from({ length: 16 }, () =>
          transaction(
            entry("POST", "Patient", {
              fullUrl: one,
              resource: patient("16"),
              request: { ifNoneExist: `identifier=${system}|16` },
            }),
            entry("POST", "Observation", { resource: observation(one) }),
          ),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      expect(new Set(answers.map(({ body }) => idIn(body, 0))).size).toBe(1);
    });
  });

  describe("a batch", () => {
    it("answers each entry for itself", async () => {
      const one = await create(patient("7"));
      server.journal.length = 0;
      const answer = await post(
        bundleOf(
          "batch",
          entry("GET", `Patient/${one.id}`),
          entry("GET", `Patient/${crypto.randomUUID()}`),
          entry("POST", "Patient", { resource: patient("7b") }),
          entry("GET", `Patient?identifier=${system}|7`),
          entry("GET", `Patient/${one.id}`, { request: { ifNoneMatch: 'W/"1"' } }),
          entry("GET", `Patient/${one.id}/_history/1`),
          entry("GET", "Spaceship/1"),
          entry("PUT", `Patient/${unknownPatient}`, { resource: { ...patient("7"), id: unknownPatient } }),
          entry("DELETE", `Patient/${one.id}`),
        ),
      );
      expect(answer.body.type).toBe("batch-response");
      expect(statuses(answer.body)).toEqual(["200", "404", "201", "200", "304", "200", "404", "403", "412"]);
      expect((answer.body.entry?.[3]?.resource as Bundle | undefined)?.entry?.[0]?.resource?.id).toBe(one.id);
      expect(answer.body.entry?.[1]?.response?.outcome?.resourceType).toBe("OperationOutcome");
      expect(server.journal.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
        "read ok",
        "refused GET not-found",
        "create ok",
        "search ok",
        "read ok",
        "vread ok",
        "refused entry unsupported-type",
        "refused PUT access-denied",
        "refused DELETE version-conflict",
      ]);
    });

    it("asks each entry for its own scope", async () => {
      const one = await create(patient("8"));
      const token = await server.tokenFor("system/Patient.r");
      const { body } = await post(
        bundleOf(
          "batch",
          entry("GET", `Patient/${one.id}`),
          entry("POST", "Patient", { resource: patient("8") }),
        ),
        {},
        token,
      );
      expect(statuses(body)).toEqual(["200", "403"]);
    });

    it("comes and goes in XML too", async () => {
      const answer = await post(
        xmlOfResource(bundleOf("batch", entry("POST", "Patient", { resource: patient("9") }))),
        {
          "content-type": "application/fhir+xml",
          accept: "application/fhir+xml",
        },
      );
      expect([answer.status, answer.text]).toEqual([
        200,
        expect.stringContaining('<status value="201 Created"/>'),
      ]);
    });
  });

  it.each<[string, unknown, number]>([
    ["another type of Bundle", { resourceType: "Bundle", type: "collection" }, 400],
    ["no Bundle", patient("10"), 400],
    ["entries that are no list", { resourceType: "Bundle", type: "batch", entry: {} }, 400],
    [
      "too many entries",
      bundleOf("batch", ...Array.from({ length: 21 }, () => entry("GET", "Patient/1"))),
      413,
    ],
  ])("refuses %s", async (_name, body, status) => {
    expect((await post(body)).status).toBe(status);
  });
});

import type { Bundle, Resource } from "@medplum/fhirtypes";
import type { FhirServer } from "../fhir-server.ts";
import type { Line } from "./cases.ts";

/** What the whole server offers: formats, forms of a patch, Bundles, searches and history over types. */
export function systemLines(server: FhirServer): Line[] {
  const lines = { ...formats(server), ...patches(server), ...bundles(server), ...ofAllTypes(server) };
  return Object.entries(lines).map(([title, run]) => ({ title, run }));
}

type Tests = Record<string, () => Promise<void>>;

function formats({ call }: FhirServer): Tests {
  const read = async (format: string) => (await call("GET", `/metadata?_format=${format}`)).text;
  return {
    "format json": async () => same((await read("json")).startsWith("{"), true),
    "format xml": async () => same((await read("xml")).includes("<CapabilityStatement"), true),
  };
}

function patches(server: FhirServer): Tests {
  const parameters = {
    resourceType: "Parameters",
    parameter: [
      {
        name: "operation",
        part: [
          { name: "type", valueCode: "add" },
          { name: "path", valueString: "Location" },
          { name: "name", valueString: "name" },
          { name: "value", valueString: "Кабинет" },
        ],
      },
    ],
  };
  const part = (name: string, type: string, value: string) =>
    `<part><name value="${name}"/><value${type} value="${value}"/></part>`;
  const xml = `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>${part("type", "Code", "add")}${part("path", "String", "Location")}${part("name", "String", "name")}${part("value", "String", "Кабинет")}</parameter></Parameters>`;
  const bodies = {
    "application/json-patch+json": JSON.stringify([{ op: "add", path: "/name", value: "Кабинет" }]),
    "application/fhir+json": JSON.stringify(parameters),
    "application/fhir+xml": xml,
  };
  const patched = (type: string, body: string) => async () => {
    const { id } = await created(server, { resourceType: "Location" });
    const headers = { "content-type": type, "if-match": 'W/"1"' };
    const answer = await server.call<{ name?: string }>("PATCH", `/Location/${id}`, { body, headers });
    same([answer.status, answer.body.name].join(), "200,Кабинет");
    const broken = await server.call("PATCH", `/Location/${id}`, { body: body.slice(5), headers });
    same(broken.status, 400);
  };
  return Object.fromEntries(
    Object.entries(bodies).map(([type, body]) => [`patch as ${type}`, patched(type, body)]),
  );
}

function bundles({ call }: FhirServer): Tests {
  const entry = (resource: object) => ({ resource, request: { method: "POST", url: "Location" } });
  const send = (type: string, ...entries: object[]) =>
    call<Bundle>("POST", "", { body: { resourceType: "Bundle", type, entry: entries } });
  const [right, wrong] = [entry({ resourceType: "Location" }), entry({ resourceType: "Patient" })];
  const statuses = ({ entry: answers = [] }: Bundle) =>
    answers.map(({ response }) => response?.status?.slice(0, 3)).join();
  return {
    "batch of the system": async () => same(statuses((await send("batch", right, wrong)).body), "201,400"),
    "transaction of the system": async () => {
      same(statuses((await send("transaction", right, right)).body), "201,201");
      same((await send("transaction", right, wrong)).status, 400);
    },
  };
}

function ofAllTypes(server: FhirServer): Tests {
  const types = ({ entry = [] }: Bundle) =>
    [...new Set(entry.flatMap(({ resource }) => resource?.resourceType ?? []))].sort().join();
  const three = () =>
    Promise.all(
      ["Location", "HealthcareService", "Slot"].map((resourceType) =>
        created(server, { resourceType } as Resource),
      ),
    );
  return {
    "search-system of the system": async () => {
      const ids = (await three()).map(({ id }) => id).join();
      const { body } = await server.call<Bundle>("GET", `?_type=Location,Slot&_id=${ids}`);
      same(types(body), "Location,Slot");
    },
    "history-system of the system": async () => {
      const [{ id } = { id: "" }] = await three();
      const { body } = await server.call<Bundle>("GET", "/_history?_count=200");
      same(
        body.entry?.some(({ resource }) => resource?.id === id),
        true,
      );
      const later = await server.call<Bundle>("GET", "/_history?_since=2100-01-01T00:00:00Z");
      same(later.body.entry?.length ?? 0, 0);
    },
  };
}

/** Creates a resource; its id. */
export async function created({ call }: FhirServer, resource: Resource): Promise<{ id: string }> {
  const { status, body, text } = await call<{ id: string }>("POST", `/${resource.resourceType}`, {
    body: resource,
  });
  if (status !== 201) throw new Error(`create ${status}: ${text.slice(0, 300)}`);
  return body;
}

export function same<T>(actual: T, expected: T): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}

import { readFileSync } from "node:fs";
import type { Bundle, OperationOutcome, Parameters, Resource } from "@medplum/fhirtypes";
import type { FhirServer } from "../fhir-server.ts";
import type { Line } from "./cases.ts";
import { created, same } from "./system.ts";

/** Every operation: what it gives, and that it gives no more than was asked for. */
export function operationLines(server: FhirServer, types: readonly string[]): Line[] {
  const own = {
    ...patientOperations(server),
    ...subscriptionOperations(server),
    ...mapOperations(server),
    ...codes(server),
  };
  return [
    ...Object.entries(own).map(([title, run]) => ({ title, run })),
    ...types.map((type) => ({ title: `${type}/$validate`, run: () => validates(server, type) })),
  ];
}

type Tests = Record<string, () => Promise<void>>;

/** Names an element that the type has not, and says nothing of one that it has. */
async function validates({ call }: FhirServer, type: string): Promise<void> {
  const named = async (more: object) => {
    const body = { resourceType: type, ...more };
    const { status, body: outcome } = await call<OperationOutcome>("POST", `/${type}/$validate`, { body });
    same(status, 200);
    return outcome.issue.some(({ expression = [] }) =>
      expression.some((one) => /nonsense|language/.test(one)),
    );
  };
  same(await named({ language: "ru" }), false);
  same(await named({ nonsense: "ru" }), true);
}

const idsOf = ({ entry = [] }: Bundle) => entry.flatMap(({ resource }) => resource?.id ?? []);

function patientOperations(server: FhirServer): Tests {
  const { call } = server;
  const about = (id: string, more: object) =>
    created(server, { ...more, subject: { reference: `Patient/${id}` } } as Resource);
  const named = (family: string) =>
    created(server, {
      resourceType: "Patient",
      name: [{ family, given: ["Пётр"] }],
      birthDate: "1980-05-05",
    });
  return {
    "Patient/$everything": async () => {
      const [one, other] = [await named("Всехин"), await named("Всехин")];
      const [own, foreign] = [
        await about(one.id, { resourceType: "Observation" }),
        await about(other.id, { resourceType: "Observation" }),
      ];
      const ids = idsOf((await call<Bundle>("GET", `/Patient/${one.id}/$everything`)).body);
      same([own, foreign].map(({ id }) => ids.includes(id)).join(), "true,false");
    },
    "Patient/$match": async () => {
      const [one, other] = [await named("Совпадов"), await named("Различин")];
      const resource = {
        resourceType: "Patient",
        name: [{ family: "Совпадов", given: ["Петр"] }],
        birthDate: "1980-05-05",
      };
      const body = { resourceType: "Parameters", parameter: [{ name: "resource", resource }] };
      const ids = idsOf((await call<Bundle>("POST", "/Patient/$match", { body })).body);
      same([one, other].map(({ id }) => ids.includes(id)).join(), "true,false");
    },
    "Composition/$document": async () => {
      const patient = await named("Документов");
      const { id } = await about(patient.id, { resourceType: "Composition" });
      const other = await about(patient.id, { resourceType: "Composition" });
      const { body } = await call<Bundle>("GET", `/Composition/${id}/$document`);
      same(idsOf(body).slice(0, 1).join(), id);
      same(idsOf(body).includes(other.id), false);
      same((await call("GET", "/Composition/no-such-id/$document")).status, 404);
    },
  };
}

function subscriptionOperations(server: FhirServer): Tests {
  const { call } = server;
  const channel = {
    type: "rest-hook",
    endpoint: "https://mis.example/hook",
    payload: "application/fhir+json",
  };
  const criteria = "https://cabinet-gateway.example/fhir/SubscriptionTopic/HealthcareService";
  const make = () =>
    created(server, { resourceType: "Subscription", status: "requested", criteria, channel } as Resource);
  const subjects = (text: string, ids: readonly { id: string }[]) =>
    ids.map(({ id }) => text.includes(`Subscription/${id}`)).join();
  return {
    "Subscription/$status": async () => {
      const both = [await make(), await make()];
      const { text } = await call("GET", `/Subscription/${both[0]?.id}/$status`);
      same(subjects(text, both), "true,false");
      same((await call("GET", "/Subscription/no-such-id/$status")).status, 404);
    },
    "Subscription/$events": async () => {
      const both = [await make(), await make()];
      const { text, status } = await call("GET", `/Subscription/${both[0]?.id}/$events?eventsSinceNumber=1`);
      same(status, 200);
      same(subjects(text, both), "true,false");
      same((await call("GET", `/Subscription/${both[0]?.id}/$events?eventsSinceNumber=x`)).status, 400);
    },
  };
}

const value = ({ parameter = [] }: Parameters, name: string) => {
  const found = parameter.find((one) => one.name === name);
  return String(found?.valueBoolean ?? found?.valueCode ?? found?.valueString);
};

function mapOperations(server: FhirServer): Tests {
  const { call } = server;
  return {
    "ConceptMap/$translate": async () => {
      const { body } = await call<Bundle>("GET", "/ConceptMap");
      const [map] = (body.entry ?? []).flatMap(({ resource }) =>
        resource?.resourceType === "ConceptMap" ? resource : [],
      );
      const translated = async (code = "") => {
        const query = new URLSearchParams({ url: map?.url ?? "", code });
        return value((await call<Parameters>("GET", `/ConceptMap/$translate?${query}`)).body, "result");
      };
      same(await translated(map?.group?.[0]?.element?.[0]?.code), "true");
      same(await translated("no-such-code"), "false");
    },
    "StructureMap/$transform": async () => {
      const folder = new URL("../../../mappings/frmo/organization/", import.meta.url);
      const source = /^map '?"?([^'"\s]+)/m.exec(readFileSync(new URL("to-fhir.fml", folder), "utf8"))?.[1];
      const body = readFileSync(new URL("fixtures/open/input.json", folder), "utf8");
      const transform = (url = "") =>
        call<Bundle>("POST", `/StructureMap/$transform?source=${encodeURIComponent(url)}`, {
          body,
          headers: { "content-type": "application/json" },
        });
      same((await transform(source)).body.entry?.[0]?.resource?.resourceType, "Organization");
      same((await transform(`${source}x`)).status, 404);
    },
  };
}

const kinds = "https://cabinet-gateway.example/fhir/CodeSystem/position-type";
const posts = "urn:oid:1.2.643.5.1.13.13.11.1002";

function codes({ call }: FhirServer): Tests {
  const ask = (operation: string, form: Record<string, string>) =>
    call<Parameters>("GET", `/${operation}?${new URLSearchParams(form)}`);
  const result = async (operation: string, form: Record<string, string>) =>
    value((await ask(operation, form)).body, "result");
  const expanded = async (filter: string) => {
    const { text, status } = await ask("ValueSet/$expand", { url: `${posts}?fhir_vs`, filter, count: "50" });
    same(status, 200);
    return (JSON.parse(text) as { expansion: { total: number } }).expansion.total;
  };
  return {
    "CodeSystem/$lookup": async () => {
      same(
        value((await ask("CodeSystem/$lookup", { system: kinds, code: "main" })).body, "display"),
        "Основная",
      );
      same((await ask("CodeSystem/$lookup", { system: kinds, code: "none" })).status, 404);
    },
    "CodeSystem/$validate-code": async () => {
      same(await result("CodeSystem/$validate-code", { url: kinds, code: "main" }), "true");
      same(await result("CodeSystem/$validate-code", { url: kinds, code: "none" }), "false");
    },
    "CodeSystem/$subsumes": async () => {
      const outcome = async (codeB: string) =>
        value((await ask("CodeSystem/$subsumes", { system: posts, codeA: "34", codeB })).body, "outcome");
      same(await outcome("34"), "equivalent");
      same(await outcome("109"), "not-subsumed");
    },
    "ValueSet/$expand": async () => {
      const [all, some] = [await expanded("врач"), await expanded("кардиолог")];
      same(some > 0 && some < all, true);
    },
    "ValueSet/$validate-code": async () => {
      const valid = (code: string) =>
        result("ValueSet/$validate-code", { url: `${posts}?fhir_vs`, system: posts, code });
      same(await valid("34"), "true");
      same(await valid("no-such-code"), "false");
    },
  };
}

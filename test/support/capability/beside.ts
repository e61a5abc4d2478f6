import type { Bundle, CapabilityStatement, Resource, StructureDefinition } from "@medplum/fhirtypes";
import type { RequestContext } from "../../../src/core/context.ts";
import type { Providers } from "../../../src/fhir/provider.ts";
import { subscriptionIssues } from "../../../src/flows/subscriptions/rules.ts";
import type { FhirServer } from "../fhir-server.ts";
import type { Line } from "./cases.ts";
import { idsIn } from "./cases.ts";
import { created, same } from "./system.ts";

/** What a statement says beside interactions and searches: compartments, profiles, topics, versions. */
export function linesBeside(server: FhirServer, providers: Providers, { rest }: CapabilityStatement): Line[] {
  const [{ compartment = [], resource = [] } = {}] = rest ?? [];
  return [
    ...compartment.map((url) => ({ title: `compartment ${url}`, run: () => inCompartment(server, url) })),
    ...resource.flatMap(
      ({ type = "", supportedProfile = [], extension = [], interaction = [], versioning }) => [
        ...supportedProfile.map((url) => ({
          title: `profile ${url} of ${type}`,
          run: () => isProfileOf(server, url, type),
        })),
        ...extension.map(({ valueCanonical = "" }) => ({
          title: `topic ${valueCanonical}`,
          run: () => isTopic(providers, valueCanonical),
        })),
        {
          title: `versioning ${versioning} of ${type}`,
          run: () =>
            interaction.some(({ code }) => code === "update")
              ? isVersioned(server, type, versioning)
              : keepsVersions(server, type, versioning),
        },
      ],
    ),
  ];
}

/** Owners of compartments whose resources can be made here. */
const owners: Readonly<Record<string, Resource>> = {
  patient: { resourceType: "Patient" },
  encounter: { resourceType: "Encounter", status: "finished", class: { code: "AMB" } },
  relatedperson: { resourceType: "RelatedPerson", patient: { display: "кто-то" } },
};

/** An Observation of one owner is in their compartment and not in another's. */
async function inCompartment(server: FhirServer, url: string): Promise<void> {
  const name = url.split("/").at(-1) ?? "";
  const owner = owners[name];
  // of practitioners only the ids are here
  const made = owner && (await Promise.all([created(server, owner), created(server, owner)]));
  const references = made?.map(({ id }) => `${owner?.resourceType}/${id}`) ?? [
    `Practitioner/${crypto.randomUUID()}`,
    `Practitioner/${crypto.randomUUID()}`,
  ];
  const element = { patient: "subject", encounter: "encounter" }[name] ?? "performer";
  const [own] = await Promise.all(
    references.map((reference) =>
      created(server, {
        resourceType: "Observation",
        status: "final",
        code: { text: "показатель" },
        [element]: element === "performer" ? [{ reference }] : { reference },
      }),
    ),
  );
  const { body } = await server.call<Bundle>("GET", `/${references[0]}/Observation`);
  same(idsIn(body, "match").join(), own?.id ?? "");
}

async function isProfileOf(server: FhirServer, url: string, type: string): Promise<void> {
  const { body } = await server.call<Bundle<StructureDefinition>>(
    "GET",
    `/StructureDefinition?url=${encodeURIComponent(url)}`,
  );
  const found = (body.entry ?? []).flatMap(({ resource }) => resource ?? []);
  same(found.map((one) => `${one.derivation} ${one.type}`).join(), `constraint ${type}`);
}

async function isTopic(providers: Providers, topic: string): Promise<void> {
  const wrong = (criteria: string) => {
    const asked = { resourceType: "Subscription", status: "off", reason: "capability", criteria } as const;
    const channel = { type: "rest-hook", endpoint: "http://c.example/hook" } as const;
    const rules = {
      providers: () => providers,
      endpointsOf: () => ["http://c.example/"],
      clock: { now: () => 0 },
    };
    const actor = { kind: "client", id: "c", tenant: "t", scopes: [] } as const;
    const issues = subscriptionIssues({ ...asked, channel }, rules, {
      actor,
    } as Partial<RequestContext> as RequestContext);
    return issues.flatMap(({ expression = [] }) => expression).join();
  };
  same(wrong(topic), "");
  same(wrong(`${topic}Beside`), "Subscription.criteria");
}

/** An update that names no version is refused by `versioned-update`, and makes a version by `versioned`. */
async function isVersioned(server: FhirServer, type: string, versioning: string | undefined): Promise<void> {
  const resourceType = type as "Location";
  const { id } = await created(server, { resourceType });
  const { status } = await server.call("PUT", `/${type}/${id}`, {
    body: { resourceType, id, language: "ru" },
  });
  same(status, versioning === "versioned-update" ? 412 : 200);
  const second = await server.call("GET", `/${type}/${id}/_history/2`);
  same(second.status, versioning === "versioned-update" ? 404 : 200);
}

/** What nobody updates has one version or none. */
async function keepsVersions(
  server: FhirServer,
  type: string,
  versioning: string | undefined,
): Promise<void> {
  const id =
    versioning === "no-version" ? "any" : (await created(server, { resourceType: type as "Location" })).id;
  const { status } = await server.call("GET", `/${type}/${id}/_history/1`);
  same(status === 200, versioning === "versioned");
}

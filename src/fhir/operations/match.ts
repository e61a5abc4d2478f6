import type { Bundle, BundleEntry, Patient, Resource } from "@medplum/fhirtypes";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import { countOf, flagOf, parameterOf, refuseUnknownParameters } from "../parameters.ts";
import type { Operation, OperationCall, Providers } from "../provider.ts";
import { parseSearch } from "../search-request.ts";
import { type MatchScore, matchScore } from "./match-score.ts";

const mostMatches = 50;
const mostSearches = 20;
const gradeExtension = "http://hl7.org/fhir/StructureDefinition/match-grade";

/** `Patient/$match` (FHIR R4): stored patients who may be the given one, the surest first. */
export const matchOperation = (providers: () => Providers): Operation => ({
  name: "match",
  level: "type",
  definition: "http://hl7.org/fhir/OperationDefinition/Patient-match",
  documentation:
    "Patients who may be the one in `resource`: certain by an identifier, probable by full name and birth date, possible by surname and birth date; takes onlyCertainMatches and count",
  needs: "s",
  get: false,
  shows: "entries",
  async run({ parameters }, ctx) {
    refuseUnknownParameters(parameters, ["resource", "onlyCertainMatches", "count"]);
    const asked = patientIn(parameters);
    const isCertainOnly = flagOf(parameters, "onlyCertainMatches") ?? false;
    const count = countOf(parameters, "count", { least: 1 }) ?? mostMatches;
    const found = await candidates(providers(), asked, ctx);
    const matches = found
      .map((patient) => ({ patient, match: matchScore(asked, patient) }))
      .filter(({ match }) => (isCertainOnly ? match.grade === "certain" : match.score > 0));
    // "if there are multiple potential matches, then the match should not return the results" (R4, onlyCertainMatches)
    const entry = (isCertainOnly && matches.length > 1 ? [] : matches)
      .sort((one, other) => other.match.score - one.match.score || compare(one.patient.id, other.patient.id))
      .slice(0, Math.min(count, mostMatches))
      .map(({ patient, match }) => entryOf(providers().baseUrl, patient, match));
    return { resourceType: "Bundle", type: "searchset", total: entry.length, entry } satisfies Bundle;
  },
});

const compare = (one = "", other = ""): number => (one < other ? -1 : 1);

function patientIn(parameters: OperationCall["parameters"]): Patient {
  const resource = parameterOf(parameters, "resource")?.resource;
  if (resource?.resourceType !== "Patient")
    throw new GatewayError("bad-request", { field: "resource", detail: "a Patient is due here" });
  return resource;
}

/** Everybody who shares an identifier, or a surname and the birth date. */
async function candidates(providers: Providers, asked: Patient, ctx: RequestContext): Promise<Patient[]> {
  const provider = providers.of("Patient");
  const found = new Map<string, Patient>();
  for (const query of queriesOf(asked).slice(0, mostSearches)) {
    if (!provider) break;
    const search = parseSearch(providers, provider, query, { lenient: false, inUrl: false });
    const { value } = await provider.search(search, ctx);
    for (const resource of value as readonly Resource[])
      if (resource.resourceType === "Patient") found.set(resource.id ?? "", resource);
  }
  return [...found.values()];
}

function queriesOf({ identifier = [], name = [], birthDate }: Patient): [string, string][][] {
  const byIdentifier = identifier.flatMap(({ system, value }): [string, string][][] =>
    value ? [[["identifier", `${escaped(system ?? "")}|${escaped(value)}`]]] : [],
  );
  const bySurname = name.flatMap(({ family }): [string, string][][] =>
    family && birthDate
      ? [
          [
            ["family", escaped(family)],
            ["birthdate", birthDate],
          ],
        ]
      : [],
  );
  return [...byIdentifier, ...bySurname];
}

// FHIR R4 3.1.1.4.0.1
const escaped = (text: string): string => text.replace(/[\\$,|]/g, "\\$&");

const entryOf = (baseUrl: string, patient: Patient, { score, grade }: MatchScore): BundleEntry => ({
  fullUrl: `${baseUrl}/Patient/${patient.id}`,
  resource: patient,
  search: { mode: "match", score, extension: [{ url: gradeExtension, valueCode: grade }] },
});

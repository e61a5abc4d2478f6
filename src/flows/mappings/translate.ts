import type {
  Coding,
  ConceptMap,
  ConceptMapGroup,
  Parameters,
  ParametersParameter,
} from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { codingsOfParameter, refuseUnknownParameters, textOfParameter } from "../../fhir/parameters.ts";
import type { Operation } from "../../fhir/provider.ts";

const names = ["url", "code", "system", "coding", "codeableConcept", "target", "targetsystem"];

interface Match {
  equivalence: string;
  concept: Coding;
  /** canonical of the map that it comes from */
  source: string | undefined;
}

/** `ConceptMap/$translate` of R4 over the given maps: by url, or by the systems of the code and of the target. */
export function translateOperation(maps: () => readonly ConceptMap[]): Operation {
  return {
    name: "translate",
    level: "type",
    definition: "http://hl7.org/fhir/OperationDefinition/ConceptMap-translate",
    documentation:
      "The counterpart of a code; takes url, code with system, coding or codeableConcept, targetsystem. A code without a row is result false with a message",
    needs: "r",
    get: true,
    run: async ({ parameters }) => translated(maps(), parameters),
  };
}

function translated(maps: readonly ConceptMap[], parameters: readonly ParametersParameter[]): Parameters {
  refuseUnknownParameters(parameters, names);
  const codings = askedCodings(parameters);
  const wanted = textOfParameter(parameters, "targetsystem");
  const url = textOfParameter(parameters, "url");
  if (url === undefined && codings.some(({ system }) => system === undefined))
    throw new GatewayError("bad-request", { field: "system", detail: "without url, say the code's system" });
  const matches = candidates(maps, url).flatMap((map) =>
    (map.group ?? [])
      .filter(({ target }) => wanted === undefined || target === wanted)
      .flatMap((group) => codings.flatMap((coding) => matchIn(map, group, coding))),
  );
  return {
    resourceType: "Parameters",
    parameter: [
      { name: "result", valueBoolean: matches.length > 0 },
      ...(matches.length > 0 ? [] : [{ name: "message", valueString: "no row for this code" }]),
      ...matches.map(matchParameter),
    ],
  };
}

function askedCodings(parameters: readonly ParametersParameter[]): readonly Coding[] {
  const code = textOfParameter(parameters, "code");
  const system = textOfParameter(parameters, "system");
  const codings = [
    ...(code === undefined ? [] : [{ code, ...(system !== undefined && { system }) }]),
    ...codingsOfParameter(parameters, "coding"),
    ...codingsOfParameter(parameters, "codeableConcept"),
  ];
  if (codings.some((coding) => coding.code !== undefined)) return codings;
  throw new GatewayError("bad-request", {
    field: "code",
    detail: "give code (with system), coding or codeableConcept",
  });
}

function candidates(maps: readonly ConceptMap[], url: string | undefined): readonly ConceptMap[] {
  if (url === undefined) return maps;
  const found = maps.filter((map) => map.url === url);
  if (found.length > 0) return found;
  throw new GatewayError("not-found", { field: "url", detail: "no such ConceptMap" });
}

function matchIn({ url }: ConceptMap, group: ConceptMapGroup, { system, code }: Coding): Match[] {
  if (code === undefined || (system !== undefined && system !== group.source)) return [];
  const target = { ...(group.target !== undefined && { system: group.target }) };
  const row = group.element?.find((element) => element.code === code);
  if (row)
    return (row.target ?? []).map((to) => ({
      equivalence: to.equivalence ?? "relatedto",
      concept: { ...target, code: to.code, ...(to.display !== undefined && { display: to.display }) },
      source: url,
    }));
  const { unmapped } = group;
  // without a system any code would match a map that keeps unknown ones
  if (!unmapped || system === undefined) return [];
  if (unmapped.mode === "provided")
    return [{ equivalence: "equal", concept: { ...target, code }, source: url }];
  const { code: fixed, display } = unmapped;
  const concept = { ...target, code: fixed, ...(display !== undefined && { display }) };
  return [{ equivalence: "inexact", concept, source: url }];
}

const matchParameter = ({ equivalence, concept, source }: Match): ParametersParameter => ({
  name: "match",
  part: [
    { name: "equivalence", valueCode: equivalence },
    { name: "concept", valueCoding: concept },
    ...(source === undefined ? [] : [{ name: "source", valueUri: source }]),
  ],
});

import type { Parameters, ParametersParameter } from "@medplum/fhirtypes";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { codingsOfParameter, refuseUnknownParameters, textOfParameter } from "../parameters.ts";
import type { Operation, OperationCall } from "../provider.ts";
import { type AskedCode, askedCodes, dayOf } from "./asked-codes.ts";
import type { Terminology } from "./terminology.ts";
import { answerOf, codeInSystem } from "./validate-code.ts";

export interface TerminologyDoor {
  terminology: Terminology;
  clock: Clock;
  /** canonical of a CodeSystem or ValueSet by its logical id; throws `not-found` */
  canonicalOf(type: "CodeSystem" | "ValueSet", id: string): Promise<string>;
}

const definition = (name: string) => `http://hl7.org/fhir/OperationDefinition/CodeSystem-${name}`;
const asked = ["code", "system", "version", "coding", "date"];

/** `$lookup`, `$validate-code` and `$subsumes` of CodeSystem (R4). */
export function codeSystemOperations(door: TerminologyDoor): readonly Operation[] {
  const shared = { needs: "r", get: true } as const;
  return [
    {
      ...shared,
      name: "lookup",
      level: "type",
      definition: definition("lookup"),
      documentation: "Name, days and parent of a code; takes code with system, or coding; version",
      run: (call) => lookup(door, call),
    },
    {
      ...shared,
      name: "validate-code",
      level: ["type", "instance"],
      definition: definition("validate-code"),
      documentation:
        "Whether the code is there, in force on `date`, under `display`; takes url, code or coding",
      run: (call) => validateCode(door, call),
    },
    {
      ...shared,
      name: "subsumes",
      level: ["type", "instance"],
      definition: definition("subsumes"),
      documentation:
        "Whether one code is above the other; takes codeA and codeB with system, or codingA and codingB",
      run: (call) => subsumes(door, call),
    },
  ];
}

const today = (clock: Clock) => new Date(clock.now()).toISOString().slice(0, 10);

async function lookup({ terminology }: TerminologyDoor, { parameters }: OperationCall): Promise<Parameters> {
  refuseUnknownParameters(parameters, [...asked, "property", "displayLanguage"]);
  const [{ system, version, code } = { code: "" }] = askedCodes(parameters);
  if (system === undefined)
    throw new GatewayError("bad-request", { field: "system", detail: "say the system" });
  const copy = await terminology.codeSystem(system, version);
  const concept = await copy.concept(code);
  if (!concept)
    throw new GatewayError("not-found", { field: "code", detail: "the code system has no such code" });
  const { display, parent, starts, ends, active } = concept;
  const property = (name: string, value: Omit<ParametersParameter, "name">): ParametersParameter => ({
    name: "property",
    part: [
      { name: "code", valueCode: name },
      { name: "value", ...value },
    ],
  });
  return {
    resourceType: "Parameters",
    parameter: [
      { name: "name", valueString: copy.title },
      ...(copy.version === undefined ? [] : [{ name: "version", valueString: copy.version }]),
      { name: "display", valueString: display },
      property("inactive", { valueBoolean: !active }),
      ...(parent === undefined ? [] : [property("parent", { valueCode: parent })]),
      ...(starts === undefined ? [] : [property("effectiveDate", { valueDateTime: starts })]),
      ...(ends === undefined ? [] : [property("retirementDate", { valueDateTime: ends })]),
    ],
  };
}

async function validateCode(door: TerminologyDoor, { parameters, id }: OperationCall): Promise<Parameters> {
  refuseUnknownParameters(parameters, [...asked, "url", "display", "codeableConcept", "displayLanguage"]);
  const url =
    id === undefined ? textOfParameter(parameters, "url") : await door.canonicalOf("CodeSystem", id);
  const codes = askedCodes(parameters, url);
  if (codes.every(({ system }) => system === undefined))
    throw new GatewayError("bad-request", { field: "url", detail: "say which code system" });
  const day = dayOf(parameters, "date") ?? today(door.clock);
  const verdicts = await Promise.all(codes.map((code) => codeInSystem(door.terminology, code, day)));
  // of a CodeableConcept one right coding is enough
  return answerOf(verdicts.find(({ result }) => result) ?? verdicts[0] ?? { result: false });
}

async function subsumes(door: TerminologyDoor, { parameters, id }: OperationCall): Promise<Parameters> {
  refuseUnknownParameters(parameters, ["codeA", "codeB", "codingA", "codingB", "system", "version"]);
  const url =
    id === undefined ? textOfParameter(parameters, "system") : await door.canonicalOf("CodeSystem", id);
  const [a, b] = ["A", "B"].map((side) => sideOf(parameters, side, url));
  if (a?.system === undefined || a.system !== b?.system)
    throw new GatewayError("bad-request", { field: "system", detail: "both codes are of one code system" });
  const copy = await door.terminology.codeSystem(a.system, textOfParameter(parameters, "version"));
  const [aboveA, aboveB] = await Promise.all([copy.ancestors(a.code), copy.ancestors(b.code)]);
  const unknown = [aboveA, aboveB].findIndex((above) => above.length === 0);
  if (unknown >= 0)
    throw new GatewayError("not-found", {
      field: ["codeA", "codeB"][unknown],
      detail: "the code system has no such code",
    });
  const outcome =
    a.code === b.code
      ? "equivalent"
      : aboveB.includes(a.code)
        ? "subsumes"
        : aboveA.includes(b.code)
          ? "subsumed-by"
          : "not-subsumed";
  return { resourceType: "Parameters", parameter: [{ name: "outcome", valueCode: outcome }] };
}

function sideOf(
  parameters: readonly ParametersParameter[],
  side: string,
  system: string | undefined,
): AskedCode {
  const [coding] = codingsOfParameter(parameters, `coding${side}`);
  const code = textOfParameter(parameters, `code${side}`) ?? coding?.code;
  if (code === undefined)
    throw new GatewayError("bad-request", { field: `code${side}`, detail: "a code is due" });
  const of = system ?? coding?.system;
  return { code, ...(of !== undefined && { system: of }) };
}

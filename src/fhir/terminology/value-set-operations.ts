import type { Parameters, ValueSet } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { countOf, flagOf, refuseUnknownParameters, textOfParameter } from "../parameters.ts";
import type { Operation, OperationCall } from "../provider.ts";
import { askedCodes, dayOf } from "./asked-codes.ts";
import type { TerminologyDoor } from "./code-system-operations.ts";
import { expand, mostContained } from "./expansion.ts";
import { answerOf, codeInSet } from "./validate-code.ts";

const definition = (name: string) => `http://hl7.org/fhir/OperationDefinition/ValueSet-${name}`;
const versions = ["valueSetVersion", "system-version", "displayLanguage"];
const mostSkipped = 1_000_000;

/** `$expand` and `$validate-code` of ValueSet (R4). */
export function valueSetOperations(door: TerminologyDoor): readonly Operation[] {
  const shared = { needs: "r", get: true, level: ["type", "instance"] } as const;
  return [
    {
      ...shared,
      name: "expand",
      definition: definition("expand"),
      documentation: `Codes of a value set; takes url, filter, offset and count, activeOnly, date, excludeNested, system-version; at most ${mostContained} at once`,
      run: (call) => expansion(door, call),
    },
    {
      ...shared,
      name: "validate-code",
      definition: definition("validate-code"),
      documentation:
        "Whether a code is in the set, in force on `date`; takes url, code with system, coding or codeableConcept",
      run: (call) => validateCode(door, call),
    },
  ];
}

const today = ({ clock }: TerminologyDoor) => new Date(clock.now()).toISOString().slice(0, 10);

async function valueSetOf(door: TerminologyDoor, { parameters, id }: OperationCall) {
  const url = id === undefined ? textOfParameter(parameters, "url") : await door.canonicalOf("ValueSet", id);
  if (url === undefined)
    throw new GatewayError("bad-request", { field: "url", detail: "say which value set" });
  return door.terminology.valueSet(url, versionIn(textOfParameter(parameters, "system-version")));
}

// `system|version`, as R5 writes it, or the version alone
const versionIn = (text: string | undefined) => text?.slice(text.lastIndexOf("|") + 1);

async function expansion(door: TerminologyDoor, call: OperationCall): Promise<ValueSet> {
  const { parameters } = call;
  const known = [
    "url",
    "filter",
    "offset",
    "count",
    "date",
    "activeOnly",
    "excludeNested",
    "includeDesignations",
  ];
  refuseUnknownParameters(parameters, [...known, ...versions]);
  const [filter, day] = [textOfParameter(parameters, "filter"), dayOf(parameters, "date")];
  const [offset, count] = [
    countOf(parameters, "offset", { most: mostSkipped }),
    countOf(parameters, "count", { most: mostContained }),
  ];
  const activeOn = flagOf(parameters, "activeOnly") ? (day ?? today(door)) : day;
  return expand(
    await valueSetOf(door, call),
    {
      ...(filter !== undefined && { filter }),
      ...(activeOn !== undefined && { activeOn }),
      ...(offset !== undefined && { offset }),
      ...(count !== undefined && { count }),
      excludeNested: flagOf(parameters, "excludeNested") ?? false,
    },
    door.clock.now(),
  );
}

async function validateCode(door: TerminologyDoor, call: OperationCall): Promise<Parameters> {
  const { parameters } = call;
  const known = ["url", "code", "system", "systemVersion", "display", "coding", "codeableConcept", "date"];
  refuseUnknownParameters(parameters, [...known, ...versions]);
  const codes = askedCodes(parameters);
  const valueSet = await valueSetOf(door, call);
  const day = dayOf(parameters, "date") ?? today(door);
  const verdicts = await Promise.all(codes.map((code) => codeInSet(valueSet, code, day)));
  return answerOf(verdicts.find(({ result }) => result) ?? verdicts[0] ?? { result: false });
}

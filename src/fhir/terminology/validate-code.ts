import type { Parameters, ParametersParameter } from "@medplum/fhirtypes";
import { isGatewayError } from "../../core/errors.ts";
import type { Concept } from "../../store/dictionaries.ts";
import { fold } from "../search/fold.ts";
import type { AskedCode } from "./asked-codes.ts";
import type { Inclusion, Terminology, ValueSetCopy } from "./terminology.ts";

export interface Verdict {
  result: boolean;
  message?: string;
  display?: string;
  /** version of the code system that was asked */
  version?: string;
}

/** Whether a code system has the code, in force on the day, under the display that was given. */
export async function codeInSystem(
  terminology: Terminology,
  asked: AskedCode,
  day: string,
): Promise<Verdict> {
  const { system = "", version, code } = asked;
  const copy = await orMessage(() => terminology.codeSystem(system, version));
  if ("message" in copy) return { result: false, message: copy.message };
  return verdictOf(asked, await copy.value.concept(code), { day, version: copy.value.version });
}

/** Whether a value set has the code; without a system any of the set's systems may have it. */
export async function codeInSet(valueSet: ValueSetCopy, asked: AskedCode, day: string): Promise<Verdict> {
  const { system, code } = asked;
  for (const inclusion of valueSet.inclusions) {
    if (system !== undefined && system !== inclusion.system.url) continue;
    const concept = await conceptIn(inclusion, code);
    if (concept) return verdictOf(asked, concept, { day, version: inclusion.system.version });
  }
  return { result: false, message: "the code is not in the value set" };
}

/** A verdict as the answer of `$validate-code`. */
export function answerOf({ result, message, display, version }: Verdict): Parameters {
  const parameter: ParametersParameter[] = [
    { name: "result", valueBoolean: result },
    ...(message === undefined ? [] : [{ name: "message", valueString: message }]),
    ...(display === undefined ? [] : [{ name: "display", valueString: display }]),
    ...(version === undefined ? [] : [{ name: "version", valueString: version }]),
  ];
  return { resourceType: "Parameters", parameter };
}

async function conceptIn({ system, root }: Inclusion, code: string): Promise<Concept | undefined> {
  const concept = await system.concept(code);
  if (!concept || root === undefined) return concept;
  return (await system.ancestors(code)).includes(root) ? concept : undefined;
}

function verdictOf(
  asked: AskedCode,
  concept: Concept | undefined,
  { day, version }: { day: string; version: string | undefined },
): Verdict {
  const of = version === undefined ? {} : { version };
  if (!concept) return { result: false, message: "the code system has no such code", ...of };
  const message = objectionTo(concept, asked.display, day);
  const { display } = concept;
  return { result: message === undefined, display, ...(message !== undefined && { message }), ...of };
}

function objectionTo({ display, starts, ends, active }: Concept, named: string | undefined, day: string) {
  if (named !== undefined && fold(named) !== fold(display)) return "the display is another one";
  if (starts !== undefined && starts > day) return `the code is in force from ${starts}`;
  if (ends !== undefined && ends < day) return `the code ended on ${ends}`;
  return active ? undefined : "the code is withdrawn";
}

async function orMessage<T>(ask: () => Promise<T>): Promise<{ value: T } | { message: string }> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (isGatewayError(error) && error.code === "not-found") return { message: error.message };
    throw error;
  }
}

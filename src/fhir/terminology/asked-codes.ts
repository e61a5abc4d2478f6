import type { ParametersParameter } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { codingsOfParameter, textOfParameter } from "../parameters.ts";

type In = readonly ParametersParameter[];

export interface AskedCode {
  system?: string;
  version?: string;
  code: string;
  display?: string;
}

/** The code that is asked about: `code` with its system, `coding` or `codeableConcept`. Throws `bad-request`. */
export function askedCodes(parameters: In, system = textOfParameter(parameters, "system")): AskedCode[] {
  const [code, display] = ["code", "display"].map((name) => textOfParameter(parameters, name));
  const version = textOfParameter(parameters, "version") ?? textOfParameter(parameters, "systemVersion");
  const one = { ...(system && { system }), ...(version && { version }), ...(display && { display }) };
  const codings = ["coding", "codeableConcept"].flatMap((name) => codingsOfParameter(parameters, name));
  const asked = [
    ...(code === undefined ? [] : [{ ...one, code }]),
    ...codings.flatMap(({ code: its, ...rest }) =>
      its === undefined
        ? []
        : [{ ...(system && { system }), ...(version && { version }), ...rest, code: its }],
    ),
  ];
  const isWell = asked.every((each) => Object.values(each).every(isText));
  if (asked.length > 0 && isWell) return asked as AskedCode[];
  throw new GatewayError("bad-request", {
    field: "code",
    detail: "give code with system, coding or codeableConcept",
  });
}

const isText = (value: unknown) => typeof value !== "string" || !value.includes("\0");

/** The day of a date or dateTime; throws `bad-request` for anything else. */
export function dayOf(parameters: In, name: string): string | undefined {
  const text = textOfParameter(parameters, name);
  if (text === undefined) return undefined;
  const [day] = /^\d{4}-\d\d-\d\d(?=$|T)/.exec(text) ?? [];
  if (day !== undefined) return day;
  throw new GatewayError("bad-request", { field: name, detail: "a date is due here, as 2026-11-22" });
}

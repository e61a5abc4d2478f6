import type { VerificationResult } from "@medplum/fhirtypes";
import { identifierSystem } from "../../core/canonical.ts";

/** The three results of a check (V-21). */
export type CheckResult = "confirmed" | "needs-clarification" | "input-error";
export type CheckedField = "family" | "given" | "birthDate" | "inn" | "snils";

export const resultTitles = {
  confirmed: "Данные подтверждены",
  "needs-clarification": "Требуется уточнение",
  "input-error": "Ошибка ввода",
} as const satisfies Record<CheckResult, string>;

export const fieldTitles: Readonly<Record<CheckedField, string>> = {
  family: "фамилия",
  given: "имя и отчество",
  birthDate: "дата рождения",
  inn: "ИНН",
  snils: "СНИЛС",
};

/** What the registry said about the person's СНИЛС. */
export type RegistryFinding =
  /** a record, and the fields in which it differs */
  { record: "one"; differing: readonly CheckedField[] } | { record: "several" } | { record: "none" };

export interface Outcome {
  result: CheckResult;
  /** what to mend */
  fields: readonly CheckedField[];
}

/**
 * Nobody under this СНИЛС, or somebody of another name and birth date: the number is wrong. A record that is theirs
 * but differs, or two of them: the data need clarification.
 */
export function outcomeOf(finding: RegistryFinding): Outcome {
  if (finding.record === "none") return { result: "input-error", fields: ["snils"] };
  if (finding.record === "several") return { result: "needs-clarification", fields: ["snils"] };
  const { differing } = finding;
  if (differing.length === 0) return { result: "confirmed", fields: [] };
  const isSomebodyElse = differing.includes("family") && differing.includes("birthDate");
  return { result: isSomebodyElse ? "input-error" : "needs-clarification", fields: differing };
}

const statusOf = {
  confirmed: "validated",
  "needs-clarification": "req-revalid",
  "input-error": "val-fail",
} as const satisfies Record<CheckResult, VerificationResult["status"]>;

const pathOf: Readonly<Record<CheckedField, string>> = {
  family: "Practitioner.name.family",
  given: "Practitioner.name.given",
  birthDate: "Practitioner.birthDate",
  inn: `Practitioner.identifier.where(system = '${identifierSystem.inn}')`,
  snils: `Practitioner.identifier.where(system = '${identifierSystem.snils}')`,
};

export interface CheckRun extends Outcome {
  id: string;
  /** logical id of the Practitioner */
  personId: string;
  /** clock milliseconds */
  at: number;
}

/** A check as FHIR keeps it: fields by FHIRPath, values never. */
export function toVerificationResult({ id, personId, at, result, fields }: CheckRun): VerificationResult & {
  id: string;
} {
  const date = new Date(at).toISOString();
  const code = result === "confirmed" ? "successful" : "failed";
  return {
    resourceType: "VerificationResult",
    id,
    target: [{ reference: `Practitioner/${personId}` }],
    ...(fields.length > 0 && { targetLocation: fields.map((field) => pathOf[field]) }),
    status: statusOf[result],
    statusDate: date,
    validationType: {
      coding: [{ system: "http://terminology.hl7.org/CodeSystem/validation-type", code: "primary" }],
    },
    primarySource: [
      {
        who: { display: "ФРМР" },
        validationStatus: {
          coding: [{ system: "http://terminology.hl7.org/CodeSystem/validation-status", code }],
        },
        validationDate: date,
      },
    ],
  };
}

/** The check that a kept VerificationResult records. */
export function fromVerificationResult(kept: VerificationResult): CheckRun {
  const results = Object.keys(statusOf) as CheckResult[];
  const fields = Object.keys(pathOf) as CheckedField[];
  return {
    id: kept.id ?? "",
    personId: kept.target?.[0]?.reference?.replace(/^Practitioner\//, "") ?? "",
    at: Date.parse(kept.statusDate ?? ""),
    result: results.find((result) => statusOf[result] === kept.status) ?? "needs-clarification",
    fields: fields.filter((field) => kept.targetLocation?.includes(pathOf[field])),
  };
}

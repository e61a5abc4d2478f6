import type { OperationOutcomeIssue } from "@medplum/fhirtypes";
import type { Clock } from "../../core/clock.ts";
import type { Terminology } from "../terminology/terminology.ts";
import { dictionaryIssues } from "./dictionary-codes.ts";
import type { ValidateOptions, Validator } from "./validator.ts";

/** All that is wrong with a resource, codes of dictionaries too. */
export type Judge = (resource: unknown, options?: ValidateOptions) => Promise<OperationOutcomeIssue[]>;

/** A validator with the dictionaries of НСИ at hand. */
export const judgeOf =
  (validator: Validator, terminology: Terminology, clock: Clock): Judge =>
  async (resource, options) => {
    const { issues, bound } = validator.examine(resource, options);
    if (bound.length === 0) return issues;
    const day = new Date(clock.now()).toISOString().slice(0, 10);
    return [...issues, ...(await dictionaryIssues(terminology, bound, day))];
  };

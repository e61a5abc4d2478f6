import { FhirPathError } from "../../fml/errors.ts";
import { evaluate } from "../../fml/fhirpath.ts";
import type { Expression } from "../../fml/fhirpath-ast.ts";
import type { Node } from "../../fml/fhirpath-node.ts";
import { parseFhirPath } from "../../fml/fhirpath-parser.ts";
import { truth } from "../../fml/fhirpath-singleton.ts";
import type { TypeTable } from "../../fml/types.ts";
import type { Findings } from "./issues.ts";
import { ruleTexts } from "./rule-texts.ts";
import type { ConstraintRow } from "./rules.ts";

/** A constraint that is ready to run. */
export interface Constraint {
  readonly key: string;
  readonly severity: ConstraintRow["severity"];
  readonly human: string;
  readonly expression: Expression;
}

/** The resource that is looked at, and the one that contains it: itself unless it is contained. */
export interface Frame {
  readonly resource: Node;
  readonly root: Node;
}

// what the walk sees by itself: cheaper, and with the element's own place
const doneByTheWalk = new Set(["dom-3", "ref-1", "txt-1", "txt-2"]);

// on forms of ElementDefinition.path and sliceName: their patterns repeat within a repeat, so that a text could make
// them run for ever, or are none in JavaScript's Unicode mode
const notRun = new Set(["eld-16", "eld-19", "eld-20"]);

/** Compiles a constraint; undefined for one that the walk itself checks, or nobody. Throws FmlSyntaxError. */
export function constraintOf({ key, severity, human, expression }: ConstraintRow): Constraint | undefined {
  if (doneByTheWalk.has(key) || notRun.has(key)) return undefined;
  return { key, severity, human, expression: parseFhirPath(expression) };
}

/** Our own profiles say their rules in Russian. */
function inRussian(key: string, human: string): { text?: string } {
  const text = ruleTexts[key.replace(/~\d+$/, "")] ?? (/[а-яё]/i.test(human) ? human : undefined);
  return text === undefined ? {} : { text };
}

/** Runs constraints on one element, in the frame of its resource. */
export class Invariants {
  readonly #types: TypeTable;
  readonly #findings: Findings;

  constructor(types: TypeTable, findings: Findings) {
    this.#types = types;
    this.#findings = findings;
  }

  check(constraints: readonly Constraint[], node: Node, path: string, frame: Frame): void {
    for (const constraint of constraints) {
      const holds = this.#holds(constraint, node, frame);
      if (holds === true) continue;
      const { key, human, severity } = constraint;
      if (holds === false)
        this.#findings.add({
          kind: "broken-rule",
          path,
          detail: `${key}: ${human}`,
          severity,
          ...inRussian(key, human),
        });
      else this.#findings.add({ kind: "rule-not-run", path, detail: key, severity: "information" });
    }
  }

  // an empty answer is no violation (R4 ElementDefinition.constraint: false is)
  #holds({ expression }: Constraint, node: Node, { resource, root }: Frame): boolean | undefined {
    const types = this.#types;
    try {
      const found = evaluate(expression, [node], { types, root: [root], resource: [resource] });
      return truth(types, found) !== false;
    } catch (error) {
      if (error instanceof FhirPathError) return undefined;
      throw error;
    }
  }
}

import type { Findings } from "./issues.ts";
import type { Property, Shape } from "./shapes.ts";

type Json = Readonly<Record<string, unknown>>;

/** Tells mandatory elements that an object lacks. */
export function checkRequired(value: Json, { required }: Shape, path: string, findings: Findings): void {
  for (const { element, properties } of required)
    if (properties.every((name) => value[name] === undefined))
      findings.add({
        kind: "missing-element",
        path: `${path}.${element}`,
        detail: `${element} is mandatory`,
      });
}

/** Tells a choice element that stands with two types at once. */
export function checkChoices(choices: readonly Property[], path: string, findings: Findings): void {
  const steps = new Map<string, string>();
  for (const { element, step } of choices) {
    const first = steps.get(element) ?? step;
    steps.set(element, first);
    if (first !== step)
      findings.add({
        kind: "too-many",
        path: `${path}.${element}`,
        detail: "a choice has one type at a time",
      });
  }
}

/**
 * Tells contained resources of one id (R4 references, contained), those that nothing refers to and that refer to nothing of
 * their container (dom-3).
 */
export function checkContained(
  contained: readonly unknown[],
  links: ReadonlySet<string>,
  path: string,
  findings: Findings,
): void {
  const ids = new Set<string>();
  contained.forEach((each, i) => {
    const id = (each as Json | null)?.["id"];
    if (typeof id !== "string") return;
    if (ids.has(id))
      findings.add({
        kind: "broken-rule",
        path: `${path}.contained[${i}].id`,
        detail: "another has this id",
      });
    ids.add(id);
    if (links.has(`#${id}`) || refersToContainer(each)) return;
    const detail = "dom-3: a contained resource must be referred to, or refer to its container";
    findings.add({ kind: "broken-rule", path: `${path}.contained[${i}]`, detail });
  });
}

const refersToContainer = (resource: unknown) => JSON.stringify(resource).includes('"reference":"#"');

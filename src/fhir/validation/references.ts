import type { Findings } from "./issues.ts";

type Json = Readonly<Record<string, unknown>>;

const literal =
  /^(?:[A-Za-z][A-Za-z0-9+.-]*:\S*\/)?([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/;
// a reference by search, which a transaction resolves (R4 http, conditional references)
const conditional = /^([A-Z][A-Za-z]+)\?\S+$/;

export interface ReferencePlace {
  /** of the Reference */
  readonly path: string;
  readonly targets: readonly string[] | undefined;
  /** the resource whose `contained` a `#id` names */
  readonly root: Json;
  readonly isResource: (type: string) => boolean;
}

/** Checks the form of a Reference's `reference`, its target's type, which `type` may say too, and that a contained one is there. */
export function checkReference(value: Json, place: ReferencePlace, findings: Findings): void {
  const { reference, type } = value;
  const isTyped = typeof type === "string" && place.isResource(type);
  if (isTyped) refuseTarget(type, `${place.path}.type`, place, findings);
  if (typeof reference !== "string") return;
  const path = `${place.path}.reference`;
  const check = reference.startsWith("#") ? checkContained : checkLiteral;
  const target = check(reference, path, place, findings);
  if (isTyped && target !== undefined && target !== type)
    findings.add({ kind: "reference-target", path, detail: `${target}, and type says ${type}` });
}

/** The type that it names. */
function checkLiteral(
  reference: string,
  path: string,
  place: ReferencePlace,
  findings: Findings,
): string | undefined {
  const target = (literal.exec(reference) ?? conditional.exec(reference))?.[1];
  if (target !== undefined && place.isResource(target)) {
    refuseTarget(target, path, place, findings);
    return target;
  }
  if (!absolute.test(reference))
    findings.add({ kind: "reference-form", path, detail: "neither Type/id nor an absolute address" });
  return undefined;
}

/** The type of what it names. */
function checkContained(
  reference: string,
  path: string,
  place: ReferencePlace,
  findings: Findings,
): string | undefined {
  // a lone # means the container itself
  if (reference === "#") return undefined;
  const contained = place.root["contained"];
  const found: unknown = Array.isArray(contained)
    ? contained.find((each: Json | null) => each?.["id"] === reference.slice(1))
    : undefined;
  if (found === undefined) {
    findings.add({ kind: "reference-unresolved", path, detail: "contained holds no resource with this id" });
    return undefined;
  }
  const { resourceType } = found as Json;
  if (typeof resourceType !== "string" || !place.isResource(resourceType)) return undefined;
  refuseTarget(resourceType, path, place, findings);
  return resourceType;
}

function refuseTarget(type: string, path: string, { targets }: ReferencePlace, findings: Findings): void {
  if (targets === undefined || targets.includes(type)) return;
  findings.add({ kind: "reference-target", path, detail: `${type} instead of ${targets.join(", ")}` });
}

import { isObject, nodeOf } from "../../fml/fhirpath-node.ts";
import { checkChoices, checkContained, checkRequired } from "./cardinality.ts";
import { checkCodes } from "./codes.ts";
import { type Frame, Invariants } from "./invariants.ts";
import type { Findings } from "./issues.ts";
import { checkNarrative } from "./narrative.ts";
import { ProfileCheck } from "./profile-check.ts";
import type { Profiles } from "./profiles.ts";
import { checkReference } from "./references.ts";
import type { Property, Shape, Shapes } from "./shapes.ts";

type Json = Readonly<Record<string, unknown>>;

const maxDepth = 64;
// of these a value that begins with # names a contained resource (constraint dom-3)
const linking = new Set(["canonical", "uri", "url"]);
const companionKey = (name: string) => (name.startsWith("_") ? name.slice(1) : `_${name}`);

/** A resource of the walk: its frame, and the contained resources that something in it refers to. */
interface Stay extends Frame {
  readonly links: Set<string>;
}

interface Place {
  readonly path: string;
  readonly stay: Stay;
}

/** Walks a resource once: structure, primitive forms, cardinality, codes, references, narrative, constraints. */
export class Walk {
  readonly #shapes: Shapes;
  readonly #findings: Findings;
  readonly #invariants: Invariants;
  readonly #profiles: Profiles;
  #depth = 0;

  constructor(shapes: Shapes, profiles: Profiles, findings: Findings) {
    this.#shapes = shapes;
    this.#profiles = profiles;
    this.#findings = findings;
    this.#invariants = new Invariants(shapes.rules.types, findings);
  }

  /** Checks a resource; `container` is the stay of the resource that contains it. */
  resource(value: unknown, path: string, container?: Stay): void {
    const type = isObject(value) ? value["resourceType"] : undefined;
    const shape =
      typeof type === "string" && this.#shapes.isResource(type) ? this.#shapes.of(type) : undefined;
    if (!isObject(value) || shape === undefined) {
      this.#findings.add({ kind: "unknown-type", path, detail: "resourceType names no type" });
      return;
    }
    const resource = nodeOf(undefined, value);
    const stay = { resource, root: container?.root ?? resource, links: new Set<string>() };
    this.#object(value, shape, { path, stay });
    for (const link of stay.links) container?.links.add(link);
    for (const profile of claimedBy(value)) this.profile(profile, value, path, stay);
    const contained = value["contained"];
    if (Array.isArray(contained)) checkContained(contained, stay.links, path, this.#findings);
  }

  /** Checks a resource against one profile; one that is not known is a warning. */
  profile(canonical: string, value: Json, path: string, frame: Frame): void {
    const chain = this.#profiles.chainOf(canonical);
    if (chain.length === 0) {
      this.#findings.add({ kind: "profile-unknown", path, detail: "no such profile", severity: "warning" });
      return;
    }
    const check = new ProfileCheck(this.#shapes, this.#findings, frame);
    for (const profile of chain) {
      if (profile.type === value["resourceType"]) check.check(profile, value, path);
      else this.#findings.add({ kind: "profile-of-other-type", path, detail: `it is for ${profile.type}` });
    }
  }

  #object(value: Json, shape: Shape, place: Place): void {
    const { path, stay } = place;
    if (this.#findings.full) return;
    if (this.#depth >= maxDepth) {
      this.#findings.add({ kind: "too-deep", path, detail: `more than ${maxDepth} levels` });
      return;
    }
    this.#depth += 1;
    const choices = this.#members(value, shape, place);
    if (choices.length > 1) checkChoices(choices, path, this.#findings);
    checkRequired(value, shape, path, this.#findings);
    this.#invariants.check(shape.constraints, nodeOf(shape.name, value), path, stay);
    this.#depth -= 1;
  }

  /** The choice elements that it met. */
  #members(value: Json, shape: Shape, place: Place): readonly Property[] {
    const choices: Property[] = [];
    for (const name of Object.keys(value)) {
      const property = shape.properties.get(name);
      if (property === undefined) this.#unknown(name, shape, place.path);
      else if (value[name] !== undefined) {
        if (property.choice) choices.push(property);
        this.#member(value, name, property, place);
      }
    }
    return choices;
  }

  #member(owner: Json, name: string, property: Property, { path: parent, stay }: Place): void {
    const value = owner[name];
    const path = `${parent}.${property.step}`;
    if (Array.isArray(value) !== property.array) {
      const detail = property.array ? "an array is due" : "no array may stand here";
      this.#findings.add({ kind: "wrong-shape", path, detail });
      return;
    }
    const twin = owner[companionKey(name)];
    if (!Array.isArray(value)) {
      this.#item(value, twin, property, { path, stay });
      return;
    }
    if (value.length === 0) this.#empty(path);
    const twins = Array.isArray(twin) ? (twin as readonly unknown[]) : [];
    for (let i = 0; i < value.length && !this.#findings.full; i += 1)
      this.#item(value[i], twins[i], property, { path: `${path}[${i}]`, stay });
  }

  #item(value: unknown, twin: unknown, property: Property, place: Place): void {
    const { path, stay } = place;
    if (value === null) {
      // in an array of primitives null keeps the place of what stands on the other side
      const isGap = property.array && (property.form !== undefined || property.companion);
      if (!isGap || twin === undefined || twin === null) this.#empty(path);
    } else if (property.form !== undefined) this.#primitive(value, twin, property, place);
    // only `contained` makes a container: a Bundle's entries stand for themselves
    else if (property.type === "Resource")
      this.resource(value, path, property.element === "contained" ? stay : undefined);
    else if (isObject(value)) this.#complex(value, twin, property, place);
    else this.#findings.add({ kind: "wrong-shape", path, detail: "an object is due" });
  }

  #primitive(value: unknown, twin: unknown, property: Property, { path, stay }: Place): void {
    const { type, codes, constraints } = property;
    if (property.form?.(value) !== true) {
      this.#findings.add({ kind: "wrong-value", path, detail: `a value that is no ${type}` });
      return;
    }
    if (codes !== undefined) checkCodes(value, codes, path, this.#findings);
    if (type === "xhtml") checkNarrative(value as string, path, this.#findings);
    else if (linking.has(type)) noteLink(value, stay);
    if (constraints.length > 0)
      this.#invariants.check(constraints, nodeOf(type, value, isObject(twin) ? twin : undefined), path, stay);
  }

  #complex(value: Json, twin: unknown, property: Property, place: Place): void {
    const shape = this.#shapes.of(property.type);
    if (shape === undefined) return;
    const { path, stay } = place;
    const { companion, codes, constraints } = property;
    if (isBare(value) && (!companion || twin === undefined || twin === null)) this.#empty(path);
    this.#object(value, shape, place);
    if (property.type === "Reference") this.#reference(value, property, place);
    if (property.type === "Extension") this.#extension(value, place);
    if (codes !== undefined && !companion) checkCodes(value, codes, path, this.#findings);
    if (constraints.length > 0) this.#invariants.check(constraints, nodeOf(property.type, value), path, stay);
  }

  #reference(value: Json, { targets }: Property, { path, stay }: Place): void {
    noteLink(value["reference"], stay);
    const root = stay.root.value as Json;
    const isResource = (type: string) => this.#shapes.isResource(type);
    checkReference(value, { path, targets, root, isResource }, this.#findings);
  }

  // an extension of our guide is checked wherever it stands
  #extension(value: Json, { path, stay }: Place): void {
    const { url } = value;
    if (typeof url !== "string" || !this.#profiles.isOurs(url)) return;
    const profile = this.#profiles.of(url);
    if (profile === undefined)
      this.#findings.add({ kind: "extension-unknown", path: `${path}.url`, detail: "not of the guide" });
    else new ProfileCheck(this.#shapes, this.#findings, stay).check(profile, value, path);
  }

  #unknown(name: string, shape: Shape, path: string): void {
    if (name === "resourceType" && shape.isResource) return;
    const step = /^[A-Za-z_]\w{0,63}$/.test(name) ? `.${name}` : "";
    this.#findings.add({
      kind: "unknown-element",
      path: path + step,
      detail: `${shape.name} does not have it`,
    });
  }

  #empty(path: string): void {
    this.#findings.add({ kind: "empty-element", path, detail: "ele-1: a value or content is due" });
  }
}

/** The profiles that a resource claims to follow, but for R4's own. */
export function claimedBy(resource: Json): readonly string[] {
  const { meta } = resource;
  const profile = isObject(meta) ? meta["profile"] : undefined;
  const claimed = Array.isArray(profile) ? profile.filter((each) => typeof each === "string") : [];
  // the type's own definition is what the walk checks
  return claimed.filter((each) => !each.startsWith("http://hl7.org/fhir/StructureDefinition/"));
}

function noteLink(value: unknown, { links }: Stay): void {
  if (typeof value === "string" && value.startsWith("#")) links.add(value);
}

// an id alone is no content (constraint ele-1)
function isBare(value: Json): boolean {
  for (const name in value) if (name !== "id" && value[name] !== undefined) return false;
  return true;
}

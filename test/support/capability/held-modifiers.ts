import type { Reference, Resource } from "@medplum/fhirtypes";
import type { Pair } from "./pair.ts";

/** Throws unless a search finds the one and leaves the other out. */
export type Expect = (
  form: Record<string, string>,
  told: { one: Resource | undefined; other: Resource | undefined },
) => Promise<void>;

interface Asked {
  /** with its modifier */
  name: string;
  modifier: string;
  pair: Pair;
}

/** A modifier over what is held: what it finds, and what it leaves out. */
export async function modifierCase({ name, modifier, pair }: Asked, expect: Expect): Promise<void> {
  const { value, leaf, one, other } = pair;
  const [own, foreign] = setsFor(value);
  const finds = (asked: string) => expect({ [name]: asked }, { one, other: undefined });
  const leaves = (asked: string) => expect({ [name]: asked }, { one: undefined, other: one });
  const both = (asked: string) => expect({ [name]: asked }, pair);
  const coded = (test: () => Promise<void>) => (isCoded(leaf, value) ? test : notCoded);
  const system = ownSystems[value];
  // a code of R4 stands without its system
  const within = coded(() =>
    system
      ? finds(`${system}|${value}`).then(() => leaves(`${system}|${value === "work" ? "home" : "other"}`))
      : both(value),
  );
  const cases: Record<string, () => Promise<void>> = {
    missing: () => finds("false").then(() => leaves("true")),
    not: () => expect({ [name]: value }, { one: other, other: one }),
    exact: () => both(value),
    contains: () => both(value.slice(1).toUpperCase()),
    identifier: () => logical(leaf as Reference, both, leaves),
    above: isReference(leaf) ? () => aboveReference(pair, expect, name) : within,
    below: isReference(leaf) ? () => both(value) : within,
    in: coded(() => finds(own).then(() => leaves(foreign))),
    "not-in": coded(() => finds(foreign).then(() => leaves(own))),
    "of-type": () => ofType(leaf as Typed, both, leaves),
  };
  const run = cases[modifier];
  if (!run) throw new Error("has no case");
  await run();
}

const notCoded = () => Promise.reject(new Error("is offered of what has no code"));

const ownSystems: Readonly<Record<string, string>> = {
  male: "http://hl7.org/fhir/administrative-gender",
  female: "http://hl7.org/fhir/administrative-gender",
  work: "http://hl7.org/fhir/address-use",
};

/** What is above the one in its tree is what it refers to. */
const aboveReference = ({ one, value }: Pair, expect: Expect, name: string): Promise<void> =>
  expect(
    { [name]: `${one.resourceType}/${one.id}` },
    { one: { resourceType: one.resourceType, id: value.split("/")[1] } as Resource, other: undefined },
  );

type Ask = (value: string) => Promise<void>;

/** A logical reference names an identifier; one that is only literal is not found by it. */
const logical = ({ identifier }: Reference, both: Ask, leaves: Ask): Promise<void> =>
  identifier ? both(`${identifier.system}|${identifier.value}`) : leaves("urn:nobody|1");

interface Typed {
  type?: { coding?: { system?: string; code?: string }[] };
  value?: string;
}

async function ofType({ type, value }: Typed, both: Ask, leaves: Ask): Promise<void> {
  const [coding] = type?.coding ?? [];
  if (coding) await both(`${coding.system}|${coding.code}|${value}`);
  await leaves(`urn:kind|NONE|${value}`);
}

const isReference = (leaf: unknown) => typeof leaf === "object" && leaf !== null && "reference" in leaf;

/** Sets and trees are of codes, with their system or of a `code` element. */
const isCoded = (leaf: unknown, value: string) =>
  (typeof leaf === "object" && leaf !== null && "coding" in leaf) || value in ownSystems;

/** A value set with the code and one without it. */
function setsFor(value: string): [own: string, foreign: string] {
  const [system = "", code] = value.split("|");
  const posts = "urn:oid:1.2.643.5.1.13.13.11.1002?fhir_vs";
  const named = value === "work" ? "address-use" : "administrative-gender";
  if (code === undefined) return [`http://hl7.org/fhir/ValueSet/${named}`, posts];
  return [`${system}?fhir_vs`, "http://hl7.org/fhir/ValueSet/administrative-gender"];
}

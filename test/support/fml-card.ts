import type { LogicalModel } from "../../src/fml/logical-model.ts";
import type { Around } from "./fml.ts";

export const card: LogicalModel = {
  url: "urn:wire:Card",
  root: "Card",
  types: {
    Card: {
      id: { type: "string", min: 1 },
      name: { type: "string" },
      born: { type: "string" },
      hours: { type: "string" },
      sex: { type: "string" },
      tag: { type: "string", max: "*" },
      job: { type: "Job", max: "*" },
    },
    Job: { title: { type: "string" }, from: { type: "string" }, main: { type: "boolean" } },
  },
};

const header = `map "urn:test" = "Test"
uses "urn:wire:Card" alias Card as source
uses "http://hl7.org/fhir/StructureDefinition/Patient" alias Patient as source
uses "http://hl7.org/fhir/StructureDefinition/Practitioner" alias Practitioner as target
`;

export const aroundCard: Around = { models: [card] };

/** A map of a worker's card with these rules in its first group; they start in line 6. */
export const toPractitioner = (rules: string, rest = "") =>
  `${header}group card(source src : Card, target tgt : Practitioner) {\n${rules}\n}\n${rest}`;

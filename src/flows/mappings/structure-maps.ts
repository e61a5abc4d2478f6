import type {
  StructureMap,
  StructureMapGroup,
  StructureMapGroupRule,
  StructureMapGroupRuleSource,
  StructureMapGroupRuleTarget,
} from "@medplum/fhirtypes";
import type { Clock } from "../../core/clock.ts";
import type { Provider } from "../../fhir/provider.ts";
import { canonicalParameters, derived, staticProvider } from "../../fhir/static-provider.ts";
import { subsetted } from "../../fhir/subset.ts";
import type { ElementPath, Group, Rule, Source, Target } from "../../fml/ast.ts";
import type { CatalogueMap, MappingCatalogue } from "./catalogue.ts";
import { transformOperation } from "./transform.ts";

export interface StructureMapSettings {
  catalogue: Pick<MappingCatalogue, "maps">;
  clock: Clock;
  /** any token may run a map: development and sandbox */
  open: boolean;
}

/** The product's maps as R4 StructureMaps, with `$transform`. */
export function structureMapProvider(settings: StructureMapSettings): Provider {
  return staticProvider<StructureMap>({
    type: "StructureMap",
    documentation: "Maps between wire formats and FHIR; the whole map is the FML text of the narrative",
    resources: derived(() => settings.catalogue.maps, structureMapOf),
    parameters: [...canonicalParameters<StructureMap>("url", "name", "title", "status")],
    operations: [transformOperation(settings)],
  });
}

// groups and rules are listed without their expressions, which only the text has
function structureMapOf({ map, text }: CatalogueMap): StructureMap {
  const title = map.metadata.get("title");
  return {
    resourceType: "StructureMap",
    id: map.url.slice(map.url.lastIndexOf("/") + 1),
    meta: { tag: [subsetted] },
    text: { status: "generated", div: narrativeOf(text) },
    url: map.url,
    name: map.name,
    ...(title !== undefined && { title }),
    status: "active",
    structure: map.uses.map(({ url, mode, alias }) => ({
      url,
      mode,
      ...(alias !== undefined && { alias }),
    })),
    group: map.groups.map(groupOf),
  };
}

function narrativeOf(fml: string): string {
  const escaped = fml.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<div xmlns="http://www.w3.org/1999/xhtml"><pre>${escaped}</pre></div>`;
}

const typeModes = { types: "types", "type+": "type-and-types" } as const;

function groupOf(group: Group): StructureMapGroup {
  return {
    name: group.name.text,
    ...(group.extends && { extends: group.extends.text }),
    typeMode: group.typeMode ? typeModes[group.typeMode] : "none",
    input: group.parameters.map(({ name, type, mode }) => ({
      name: name.text,
      ...(type && { type: type.text }),
      mode,
    })),
    rule: group.rules.map(ruleOf),
  };
}

function ruleOf(rule: Rule): StructureMapGroupRule {
  const nested = rule.rules.map(ruleOf);
  const targets = rule.targets.map(targetOf);
  const dependents = rule.dependents.map(({ group, args }) => ({
    name: group.text,
    variable: args.map((argument) => ("text" in argument ? argument.text : String(argument.value))),
  }));
  return {
    // an R4 id has no underscore and no space
    name: rule.name.replace(/[^A-Za-z0-9.-]/g, "-").slice(0, 64) || `line-${rule.position.line}`,
    source: rule.sources.map(sourceOf),
    ...(targets.length > 0 && { target: targets }),
    ...(nested.length > 0 && { rule: nested }),
    ...(dependents.length > 0 && { dependent: dependents }),
    documentation: `line ${rule.position.line}`,
  };
}

const elementIn = ({ elements }: ElementPath) =>
  elements.length > 0 ? { element: elements.map(({ text }) => text).join(".") } : {};

function sourceOf(source: Source): StructureMapGroupRuleSource {
  return {
    context: source.context.text,
    ...elementIn(source),
    ...(source.type && { type: source.type.text }),
    ...(source.variable && { variable: source.variable.text }),
  };
}

function targetOf({ path, variable }: Target): StructureMapGroupRuleTarget {
  return {
    ...(path && { context: path.context.text, contextType: "variable" as const, ...elementIn(path) }),
    ...(variable && { variable: variable.text }),
  };
}

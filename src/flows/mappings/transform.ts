import type { Binary, Parameters, ParametersParameter, Resource } from "@medplum/fhirtypes";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { isResourceType } from "../../fhir/elements.ts";
import { parameterOf, refuseUnknownParameters, textOfParameter } from "../../fhir/parameters.ts";
import type { Operation, OperationCall, OperationContent } from "../../fhir/provider.ts";
import { FhirPathError, FmlCompileError, FmlSyntaxError, MappingError } from "../../fml/errors.ts";
import { loadMapping } from "../../fml/loader.ts";
import type { Mapping } from "../../fml/module.ts";
import type { TraceEntry } from "../../fml/trace-entry.ts";
import { XmlError } from "../../xml/error.ts";
import { fromObject } from "../../xml/from-object.ts";
import type { XmlModel } from "../../xml/model.ts";
import { writeXml } from "../../xml/write.ts";
import type { CatalogueMap, MappingCatalogue } from "./catalogue.ts";
import { contentOfText, recordTypeOf, sourceOf } from "./transform-source.ts";
import { xmlModelsOf } from "./wire-model.ts";

export interface TransformSettings {
  catalogue: Pick<MappingCatalogue, "maps">;
  clock: Clock;
  /** any token may run a map: development and sandbox */
  open: boolean;
}

// running a map makes something new of what is sent: create
const scopeLetter = "c";

/** `StructureMap/$transform` of R4 over the product's own maps, compiled as in production. */
export function transformOperation({ catalogue, clock, open }: TransformSettings): Operation {
  return {
    name: "transform",
    level: "type",
    definition: "http://hl7.org/fhir/OperationDefinition/StructureMap-transform",
    documentation: `Runs a map: source names its url; the content is the body itself (XML or JSON of the wire format, or a resource) or the parameter content. A wire format comes back as Binary. Prefer: trace adds the rule and line of each element. Needs system/StructureMap.${scopeLetter}${open ? " for the trace" : ""}`,
    needs: open ? undefined : scopeLetter,
    traceNeeds: scopeLetter,
    get: false,
    run: async (call) => {
      const map = mapOf(catalogue.maps, textOfParameter(call.parameters, "source"));
      refuseUnknownParameters(call.parameters, ["source", "content", ...map.message.wire.parameters]);
      const source = sourceOf(map, contentOf(call), (name, type) => {
        const given = textOfParameter(call.parameters, name);
        return given ?? momentOf(type, clock.now());
      });
      const { result, trace } = convert(await loaded(map), source, call.trace);
      const resource = resourceOf(map, result);
      return trace ? traced(resource, trace) : resource;
    },
  };
}

function mapOf(maps: readonly CatalogueMap[], url: string | undefined): CatalogueMap {
  if (url === undefined)
    throw new GatewayError("bad-request", { field: "source", detail: "name the map by its canonical url" });
  const found = maps.find(({ map }) => map.url === url);
  if (!found) throw new GatewayError("not-found", { field: "source", detail: "no such map" });
  return found;
}

function contentOf({ parameters, content }: OperationCall): OperationContent {
  if (content) return content;
  const parameter = parameterOf(parameters, "content");
  if (parameter?.valueString !== undefined) return contentOfText(parameter.valueString);
  const { resource } = parameter ?? {};
  if (!resource)
    throw new GatewayError("bad-request", { field: "content", detail: "send what is to be converted" });
  if (resource.resourceType !== "Binary") return { format: "json", value: resource };
  const bytes = Buffer.from(resource.data ?? "", "base64");
  return /xml/.test(resource.contentType ?? "")
    ? { format: "xml", bytes }
    : contentOfText(bytes.toString("utf8"));
}

// the registries' own day is Moscow's
const moscowDay = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Moscow" });

const momentOf = (type: string, now: number): string =>
  type === "date" ? moscowDay.format(now) : new Date(now).toISOString();

async function loaded({ file }: CatalogueMap): Promise<Mapping> {
  try {
    return await loadMapping(file);
  } catch (cause) {
    if (!(cause instanceof FmlCompileError) && !(cause instanceof FmlSyntaxError)) throw cause;
    throw new GatewayError("map-not-compiled", { field: "source", detail: cause.message, cause });
  }
}

function convert(mapping: Mapping, source: unknown, withTrace: boolean) {
  try {
    return withTrace ? mapping.trace(source) : { result: mapping.convert(source), trace: undefined };
  } catch (cause) {
    throw refusal(cause);
  }
}

/** Names map, line, both paths and the kind of value; the messages of these errors never hold a value. */
function refusal(cause: unknown): unknown {
  if (cause instanceof MappingError) {
    const code = cause.code === "unmapped-code" ? "code-not-mapped" : "mapping-refused";
    return new GatewayError(code, { field: cause.site.sourcePath, detail: cause.message, cause });
  }
  return cause instanceof FhirPathError
    ? new GatewayError("mapping-refused", { detail: cause.message, cause })
    : cause;
}

function resourceOf({ message }: CatalogueMap, result: unknown): Resource {
  const { resourceType = "" } = (result ?? {}) as { resourceType?: string };
  if (isResourceType(resourceType)) return result as Resource;
  const { model, wire } = message;
  if (model?.namespace === undefined) return binaryOf("application/json", JSON.stringify(result));
  const isPart = wire.parameters.length > 0;
  const record = isPart ? (result as Record<string, unknown> | undefined)?.[wire.root] : result;
  if (typeof record !== "object" || record === null)
    throw new GatewayError("mapping-refused", { detail: `the map makes no ${wire.root} of this content` });
  const xmlModel = xmlModelsOf(model)[recordTypeOf(model, wire)] ?? { elements: new Map() };
  return binaryOf("application/xml", xmlOf({ name: wire.root, ns: model.namespace }, record, xmlModel));
}

function xmlOf(place: { name: string; ns: string }, record: object, model: XmlModel): string {
  try {
    return writeXml(fromObject(place, record, model));
  } catch (cause) {
    if (!(cause instanceof XmlError)) throw cause;
    throw new GatewayError("mapping-refused", { field: place.name, detail: cause.message, cause });
  }
}

const binaryOf = (contentType: string, text: string): Binary => ({
  resourceType: "Binary",
  contentType,
  data: Buffer.from(text).toString("base64"),
});

const traced = (resource: Resource, trace: readonly TraceEntry[]): Parameters => ({
  resourceType: "Parameters",
  parameter: [{ name: "result", resource }, ...trace.map(traceParameter)],
});

const traceParameter = ({ target, source, map, line, rule }: TraceEntry): ParametersParameter => ({
  name: "trace",
  part: [
    { name: "target", valueString: target },
    ...(source === "" ? [] : [{ name: "source", valueString: source }]),
    { name: "map", valueString: map },
    { name: "line", valueInteger: line },
    ...(rule === "" ? [] : [{ name: "rule", valueString: rule }]),
  ],
});

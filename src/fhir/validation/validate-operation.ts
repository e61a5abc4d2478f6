import type {
  OperationOutcome,
  OperationOutcomeIssue,
  ParametersParameter,
  ResourceType,
} from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { parameterOf, refuseUnknownParameters, textOfParameter } from "../parameters.ts";
import type { Operation, OperationCall } from "../provider.ts";
import { issueOf } from "./issues.ts";
import type { Judge } from "./judge.ts";
import { hasErrors } from "./validator.ts";

const modes = ["create", "update", "delete", "profile"];

/** `$validate` of a type (R4): what would be refused, as an OperationOutcome with status 200. */
export function validateOperation(type: ResourceType, judge: Judge): Operation {
  return {
    name: "validate",
    level: ["type", "instance"],
    definition: "http://hl7.org/fhir/OperationDefinition/Resource-validate",
    documentation:
      "Whether a resource is right by R4, by the profiles that it claims and by `profile`; the resource is the body or the parameter `resource`, `mode` is create, update, delete or profile",
    needs: undefined,
    get: false,
    judgesInput: true,
    run: (call) => outcomeOf(type, judge, call),
  };
}

async function outcomeOf(type: ResourceType, judge: Judge, call: OperationCall): Promise<OperationOutcome> {
  const { parameters, content, id } = call;
  refuseUnknownParameters(parameters, ["resource", "mode", "profile"]);
  const mode = modeOf(parameters);
  const resource = parameterOf(parameters, "resource")?.resource ?? jsonOf(content);
  if (resource === undefined) {
    // what is to be deleted need not be sent
    if (mode === "delete" && id !== undefined) return answer([]);
    throw new GatewayError("bad-request", { field: "resource", detail: "send the resource to be validated" });
  }
  const profile = textOfParameter(parameters, "profile");
  const issues = await judge(resource, { profiles: profile === undefined ? [] : [profile] });
  return answer([...addressed(resource, { type, id, mode }), ...issues.map(asked(profile))]);
}

function modeOf(parameters: readonly ParametersParameter[]): string | undefined {
  const mode = textOfParameter(parameters, "mode");
  if (mode === undefined || modes.includes(mode)) return mode;
  throw new GatewayError("bad-request", { field: "mode", detail: `one of ${modes.join(", ")} is due here` });
}

function jsonOf(content: OperationCall["content"]): unknown {
  if (content === undefined || content.format === "json") return content?.value;
  throw new GatewayError("unsupported-media-type", { detail: "send application/fhir+json or fhir+xml" });
}

/** What is wrong with the resource for the address and the action, whatever it holds. */
function addressed(
  resource: unknown,
  { type, id, mode }: { type: string; id: string | undefined; mode: string | undefined },
): OperationOutcomeIssue[] {
  const { resourceType, id: own } = (resource ?? {}) as { resourceType?: unknown; id?: unknown };
  const told = (detail: string) => issueOf({ kind: "id-not-allowed", path: `${type}.id`, detail });
  if (resourceType !== type)
    return [issueOf({ kind: "unknown-type", path: type, detail: `${type} is due at this address` })];
  if (id !== undefined && own !== undefined && own !== id) return [told("it is not the id of the address")];
  return mode === "update" && own === undefined && id === undefined ? [told("an update needs an id")] : [];
}

// a profile that the caller asked for and that nobody knows is no mere warning
const asked =
  (profile: string | undefined) =>
  (issue: OperationOutcomeIssue): OperationOutcomeIssue =>
    profile !== undefined && issue.details?.coding?.[0]?.code === "profile-unknown"
      ? { ...issue, severity: "error" }
      : issue;

function answer(issues: readonly OperationOutcomeIssue[]): OperationOutcome {
  const fine: OperationOutcomeIssue = {
    severity: "information",
    code: "informational",
    details: { text: "Замечаний нет" },
    diagnostics: "Nothing is wrong with the resource",
  };
  return {
    resourceType: "OperationOutcome",
    issue: hasErrors(issues) || issues.length > 0 ? [...issues] : [fine],
  };
}

import type { CapabilityStatement, CapabilityStatementRestResource } from "@medplum/fhirtypes";

/** What a resource's entry says beside its lists, by the words of its line. */
const conditionals = [
  "conditionalCreate",
  "conditionalUpdate",
  "conditionalDelete",
  "conditionalRead",
] as const;

/** Every line of a CapabilityStatement, by the title of the case that proves it. */
export function linesOf({ rest, format = [], patchFormat = [] }: CapabilityStatement): string[] {
  const [server] = rest ?? [];
  return [
    ...format.map((one) => `format ${one}`),
    ...patchFormat.map((one) => `patch as ${one}`),
    ...(server?.interaction ?? []).map(({ code }) => `${code} of the system`),
    ...(server?.compartment ?? []).map((url) => `compartment ${url}`),
    ...(server?.operation ?? []).map(({ name }) => `$${name}`),
    ...(server?.resource ?? []).flatMap(linesOfType),
  ];
}

function linesOfType(stated: CapabilityStatementRestResource): string[] {
  const { type, interaction, searchParam, searchInclude, searchRevInclude, operation } = stated;
  const conditional = conditionals.filter((name) => stated[name] && stated[name] !== "not-supported");
  return [
    ...(interaction ?? []).map(({ code }) => `${code} of ${type}`),
    ...(stated.supportedProfile ?? []).map((url) => `profile ${url} of ${type}`),
    ...(stated.extension ?? []).map(({ valueCanonical }) => `topic ${valueCanonical}`),
    `versioning ${stated.versioning} of ${type}`,
    ...(searchParam ?? []).map(({ name }) => `${type}?${name}`),
    ...(searchInclude ?? []).map((include) => `${type}?_include=${include}`),
    ...(searchRevInclude ?? []).map((include) => `${type}?_revinclude=${include}`),
    ...(operation ?? []).map(({ name }) => `${type}/$${name}`),
    ...[...conditional, ...(stated.updateCreate ? ["updateCreate"] : [])].map((name) => `${name} of ${type}`),
  ];
}

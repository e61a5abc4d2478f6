import openapiTypescript, { astToString } from "openapi-typescript";

/** src/api/cabinet/types.ts, from the cabinet's OpenAPI document. */
export async function renderCabinetTypes(): Promise<string> {
  const types = await openapiTypescript(new URL("../openapi/cabinet.yaml", import.meta.url));
  return `// generated from openapi/cabinet.yaml by npm run generate\n${astToString(types)}`;
}

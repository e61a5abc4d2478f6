/** Writes what follows from a source: `npm run generate`; with `-- --check` only says what is stale. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { renderCabinetTypes } from "./render-cabinet-types.ts";
import { renderConfiguration } from "./render-configuration.ts";
import { renderErrors } from "./render-errors.ts";
import { renderFhirElements } from "./render-fhir-elements.ts";
import { renderMetrics } from "./render-metrics.ts";
import { renderScopes } from "./render-scopes.ts";
import { renderSearchParameters } from "./render-search-parameters.ts";
import { renderValidationRules } from "./render-validation-rules.ts";

const root = new URL("../", import.meta.url);
const products = {
  "docs/errors.md": renderErrors,
  "docs/configuration.md": renderConfiguration,
  "docs/scopes.md": renderScopes,
  "docs/metrics.md": renderMetrics,
  "src/api/cabinet/types.ts": renderCabinetTypes,
  "src/fhir/element-table.ts": renderFhirElements,
  "src/fhir/validation/r4-rules.json": renderValidationRules,
  "src/fhir/search/parameter-table.ts": renderSearchParameters,
};

const checkOnly = process.argv.includes("--check");
for (const [path, render] of Object.entries(products)) {
  const file = new URL(path, root);
  const text = await render();
  if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
  if (checkOnly) process.exitCode = 1;
  else writeFileSync(file, text);
  console.log(checkOnly ? `${path} is stale: run npm run generate and commit it` : `wrote ${path}`);
}

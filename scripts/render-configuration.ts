import { configSchema } from "../src/config-schema.ts";
import { markdownTable } from "./markdown-table.ts";

/** What this page reads of a setting's JSON Schema. */
interface SettingSchema {
  description?: string;
  default?: string | number;
  type?: string;
  pattern?: string;
  anyOf?: { const: string }[];
  minimum?: number;
  maximum?: number;
}

/** docs/configuration.md, from the settings' schema. */
export function renderConfiguration(): string {
  const rows = Object.entries<SettingSchema>(configSchema.properties).map(([name, schema]) => [
    `\`${name}\``,
    schema.default === undefined ? "" : `\`${schema.default}\``,
    allowed(schema),
    schema.description ?? "",
  ]);
  return `# Configuration

Generated from \`src/config.ts\` by \`npm run generate\`. Every setting is an environment variable. A wrong or unsafe value
stops the start with a message that names it.

${markdownTable(["setting", "default", "values", "meaning"], rows)}`;
}

function allowed({ anyOf, type, minimum, maximum, pattern }: SettingSchema): string {
  if (anyOf) return anyOf.map((choice) => `\`${choice.const}\``).join(", ");
  if (pattern) return `matches \`${pattern}\``;
  if (type === "string") return "text";
  if (maximum !== undefined) return `${type}, ${minimum} to ${maximum}`;
  return minimum === undefined ? `${type}` : `${type}, at least ${minimum}`;
}

import { type Html, html, table } from "./page.ts";

// the part of OpenAPI 3.0 that our own document uses
interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  description?: string;
  enum?: string[];
  items?: Schema;
  required?: string[];
  properties?: Record<string, Schema>;
}

interface Content {
  $ref?: string;
  description?: string;
  required?: boolean;
  content?: Record<string, { schema?: Schema }>;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: Content;
  responses?: Record<string, Content>;
}

export interface OpenApi {
  info: { title: string; version: string; description?: string };
  servers?: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema>; responses?: Record<string, Content> };
}

const methods = ["get", "post", "put", "patch", "delete"];
const places: Readonly<Record<string, string>> = { path: "адрес", query: "запрос", header: "заголовок" };

/** The cabinet API as its OpenAPI document tells it: each operation, then each schema. */
export function openApiSection(api: OpenApi): Html {
  const base = api.servers?.[0]?.url ?? "";
  const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => methods.includes(method))
      .map(([method, operation]) =>
        operationSection(api, `${method.toUpperCase()} ${base}${path}`, operation),
      ),
  );
  return html`<h2>API кабинета</h2>
<p lang="en">${api.info.description}</p>
<p>Описание: <a href="/openapi/cabinet.yaml">/openapi/cabinet.yaml</a>, версия ${api.info.version}.</p>
${operations}
<h3>Структуры данных</h3>
${Object.entries(api.components?.schemas ?? {}).map(([name, schema]) => schemaSection(name, schema))}`;
}

function operationSection(api: OpenApi, title: string, operation: Operation): Html {
  const { operationId = "", summary, description, parameters = [], requestBody, responses = {} } = operation;
  return html`<h3 id="${operationId}"><code class="method">${title}</code></h3>
<p lang="en">${summary}. ${description}</p>
${
  parameters.length > 0 &&
  table(
    ["Параметр", "Где", "Тип", "Пояснение"],
    parameters.map(({ name, in: place, required, schema, description: text = "" }) => [
      html`<code>${name}</code>${required === true && " *"}`,
      places[place] ?? place,
      typeOf(schema),
      text,
    ]),
  )
}
${requestBody && html`<p>Тело: ${bodyOf(api, requestBody)}</p>`}
${table(
  ["Ответ", "Содержание"],
  Object.entries(responses).map(([status, response]) => [
    status === "default" ? "ошибка" : status,
    bodyOf(api, response),
  ]),
)}`;
}

function bodyOf(api: OpenApi, given: Content): Html {
  const named = given.$ref?.split("/").at(-1);
  const { description, content = {} } = (named && api.components?.responses?.[named]) || given;
  return html`${description} ${Object.entries(content).map(
    ([type, { schema }]) => html`<br><code>${type}</code>: ${typeOf(schema)}`,
  )}`;
}

const schemaSection = (name: string, schema: Schema): Html => html`<h4 id="schema-${name}">${name}</h4>
${table(
  ["Поле", "Тип", "Пояснение"],
  Object.entries(schema.properties ?? {}).map(([field, inner]) => [
    html`<code>${field}</code>${schema.required?.includes(field) === true && " *"}`,
    typeOf(inner),
    inner.description ?? "",
  ]),
)}`;

function typeOf(schema: Schema | undefined): Html {
  if (!schema) return html``;
  const name = schema.$ref?.split("/").at(-1);
  if (name) return html`<a href="#schema-${name}">${name}</a>`;
  if (schema.items) return html`список: ${typeOf(schema.items)}`;
  if (schema.enum) return html`${schema.enum.join(" | ")}`;
  return html`${schema.type ?? "object"}${schema.format !== undefined && ` (${schema.format})`}`;
}

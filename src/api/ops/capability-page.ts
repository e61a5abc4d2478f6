import type { CapabilityStatement, CapabilityStatementRestResource } from "@medplum/fhirtypes";
import { type Html, html, table } from "./page.ts";

const interactionTexts: Readonly<Record<string, string>> = {
  read: "чтение: GET /fhir/{type}/{id}",
  vread: "чтение версии: GET /fhir/{type}/{id}/_history/{version}",
  "search-type": "поиск: POST /fhir/{type}/_search",
  create: "создание: POST /fhir/{type}",
  update: "изменение: PUT /fhir/{type}/{id}",
  patch: "частичное изменение: PATCH /fhir/{type}/{id}",
  delete: "удаление: DELETE /fhir/{type}/{id}",
};

/** The FHIR door as its CapabilityStatement tells it. */
export function capabilitySection({ fhirVersion, implementation, rest }: CapabilityStatement): Html {
  return html`<h2>FHIR ${fhirVersion ?? "R4"}</h2>
<p>${implementation?.description}</p>
<p>Машинное описание: <a href="/fhir/metadata">/fhir/metadata</a>,
<a href="/fhir/.well-known/smart-configuration">smart-configuration</a>.</p>
${(rest?.[0]?.resource ?? []).map(resourceSection)}`;
}

function resourceSection({
  type,
  interaction,
  searchParam,
  searchInclude,
  searchRevInclude,
  operation,
}: CapabilityStatementRestResource): Html {
  const name = type ?? "";
  const includes = [
    ...(searchInclude ?? []).map((value) => `_include=${value}`),
    ...(searchRevInclude ?? []).map((value) => `_revinclude=${value}`),
  ];
  return html`<h3 id="fhir-${name}">${name}</h3>
<ul>${(interaction ?? []).map(({ code = "" }) => html`<li>${(interactionTexts[code] ?? code).replace("{type}", name)}</li>`)}</ul>
${
  searchParam?.length
    ? table(
        ["Параметр поиска", "Тип", "Пояснение"],
        searchParam.map((one) => [html`<code>${one.name}</code>`, one.type ?? "", one.documentation ?? ""]),
      )
    : undefined
}
${
  operation?.length
    ? table(
        ["Операция", "Пояснение"],
        operation.map((one) => [html`<code>/fhir/${name}/$${one.name}</code>`, one.documentation ?? ""]),
      )
    : undefined
}
${includes.length > 0 && html`<p>Вместе с найденным: ${includes.map((value) => html`<code>${value}</code> `)}</p>`}`;
}

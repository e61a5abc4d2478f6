import type { CapabilityStatement } from "@medplum/fhirtypes";
import type { FastifyInstance } from "fastify";
import { parse } from "yaml";
import { errorTable } from "../../core/error-table.ts";
import { capabilitySection } from "./capability-page.ts";
import { type OpenApi, openApiSection } from "./openapi-page.ts";
import { type Html, html, sendPage, styleSheet, table } from "./page.ts";

export interface DocsSettings {
  /** text of openapi/cabinet.yaml */
  openapi: string;
  capability: CapabilityStatement;
}

/** `/docs`, `/docs/errors` and `/openapi/cabinet.yaml`: rendered once at start, no script, nothing from elsewhere. */
export function registerDocs(app: FastifyInstance, { openapi, capability }: DocsSettings): void {
  const api = apiPage(parse(openapi) as OpenApi, capability);
  const errors = errorsPage();
  app.get("/docs", (_request, reply) => sendPage(reply, "Документация API", api));
  app.get("/docs/errors", (_request, reply) => sendPage(reply, "Коды ошибок", errors));
  app.get("/docs/style.css", (_request, reply) =>
    reply.header("cache-control", "public, max-age=3600").type("text/css; charset=utf-8").send(styleSheet),
  );
  app.get("/openapi/cabinet.yaml", (_request, reply) =>
    reply.type("application/yaml; charset=utf-8").send(openapi),
  );
}

const apiPage = (openapi: OpenApi, capability: CapabilityStatement): Html => html`
<h1>Документация API</h1>
<nav aria-label="На этой странице"><ul>
<li><a href="#token">Доступ системы-клиента</a></li>
<li><a href="#cabinet">API кабинета</a></li>
<li><a href="#fhir">FHIR R4</a></li>
<li><a href="/docs/errors">Коды ошибок</a></li>
</ul></nav>
<h2 id="token">Доступ системы-клиента</h2>
<p>SMART Backend Services: клиент подписывает утверждение своим ключом (RS384 или ES384, срок не более 5 минут,
<code>aud</code> равен адресу выдачи токена, <code>jti</code> не повторяется) и меняет его на токен.</p>
<pre>POST /auth/token
Content-Type: application/x-www-form-urlencoded

grant_type=client_credentials&amp;scope=system/Practitioner.rs
&amp;client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer
&amp;client_assertion=…</pre>
<p>Дальше: <code>Authorization: Bearer …</code>. Персональные идентификаторы передаются только в теле запроса
(<code>POST _search</code>), никогда в адресе.</p>
<section id="cabinet">${openApiSection(openapi)}</section>
<section id="fhir">${capabilitySection(capability)}</section>`;

const retryTexts = {
  never: "не повторять",
  "after-fix": "после исправления",
  later: "позже",
  "same-key": "с тем же Idempotency-Key",
};

const errorsPage = (): Html => html`
<h1>Коды ошибок</h1>
<p>В <code>/fhir</code> ошибка приходит как OperationOutcome (код в <code>issue.details.coding</code>), в
<code>/auth/token</code> по RFC 6749, в остальных адресах как <code>application/problem+json</code> (RFC 9457).
В каждом ответе есть <code>X-Request-ID</code>: назовите его поддержке.</p>
${table(
  ["Код", "HTTP", "Что случилось", "Что делать", "Повтор"],
  Object.entries(errorTable).map(([code, row]) => [
    html`<code id="${code}">${code}</code>`,
    String(row.status),
    html`${row.text}<br><span lang="en">${row.meaning}</span>`,
    row.remedy,
    retryTexts[row.retry],
  ]),
)}`;

import type { FastifyReply, FastifyRequest } from "fastify";
import type { ErrorCode } from "../../core/error-table.ts";
import type { GatewayError } from "../../core/errors.ts";
import { type Html, html, sendPage } from "../ops/page.ts";
import { codeTroubleSteps, type OfficialLink, officialLinks } from "./official-links.ts";

const fieldNames: Readonly<Record<string, string>> = {
  family: "фамилия",
  given: "имя и отчество",
  birthDate: "дата рождения",
  inn: "ИНН",
};

const linksOfCode: Partial<Record<ErrorCode, readonly OfficialLink[]>> = {
  "account-not-confirmed": ["confirmation", "registration"],
  "snils-missing": ["profile"],
  "second-factor-missing": ["security", "support"],
  "auth-upstream-down": ["status"],
  "identity-mismatch": ["profile"],
  "session-compromised": ["security", "support"],
  "child-account": ["registration"],
};

// trouble with one-time codes has its own order of steps (L-65)
const codeTroubles = new Set<ErrorCode>(["second-factor-missing"]);
const asCitizen = new Set<ErrorCode>(["not-a-medical-worker", "worker-dismissed", "worker-check-waits"]);

/** A page for a browser that an error met on its way through sign-in; undefined for programs and other doors. */
export function signInErrorPage(
  error: GatewayError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply | undefined {
  const isPage = request.url.startsWith("/auth/") && request.headers.accept?.includes("text/html");
  if (!isPage || request.url.startsWith("/auth/token")) return undefined;
  return sendPage(reply, error.row.text, errorPage(error, request.id));
}

function errorPage(error: GatewayError, requestId: string): Html {
  const { code, row, retryAfter } = error;
  return html`<h1>${row.text}</h1>
<p role="alert">Код проблемы: <code id="code">${code}</code></p>
${differences(error)}
<p id="remedy">${row.remedy}.</p>
${retryAfter !== undefined && html`<p>Повторите через ${String(Math.ceil(retryAfter))} с.</p>`}
${codeTroubles.has(code) && html`<ol>${codeTroubleSteps.map((step) => html`<li>${step}</li>`)}</ol>`}
<ul>
${(linksOfCode[code] ?? []).map((name) => html`<li><a href="${officialLinks[name].url}">${officialLinks[name].title}</a></li>`)}
<li><a href="/auth/login?as=worker">Начать вход заново</a></li>
${asCitizen.has(code) && html`<li><a href="/auth/login?as=citizen">Войти как гражданин</a></li>`}
<li><a href="/help/sign-in">Помощь при входе</a></li>
<li><a href="/help/safety">Правила безопасного входа</a></li>
</ul>
<p>Номер запроса для поддержки: <code>${requestId}</code></p>`;
}

function differences({ code, field }: GatewayError): Html | undefined {
  if (code !== "identity-mismatch" || field === undefined) return undefined;
  const names = field.split(", ").map((name) => fieldNames[name] ?? name);
  return html`<p>Расходятся: <b id="fields">${names.join(", ")}</b>.</p>`;
}

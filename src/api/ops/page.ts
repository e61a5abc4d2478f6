import type { FastifyReply } from "fastify";

/** Text made safe for HTML content and attribute values. */
const escapeHtml = (text: string): string =>
  text.replace(
    /[&<>"']/g,
    (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[sign] ?? sign,
  );

/** HTML that was built by `html`; a plain string put into a template is escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Html[] | undefined | false;

/** Template tag: every plain value is escaped, nested HTML and lists of it are kept, undefined is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, next, index) => text + rendered(parts[index - 1]) + next));
}

function rendered(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "string" || typeof part === "number") return escapeHtml(String(part));
  return part.map((one) => one.text).join("\n");
}

/** A table that can be scrolled by keyboard on a narrow screen. */
export function table(head: readonly string[], rows: readonly (readonly (string | Html)[])[]): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Таблица"><table><thead><tr>${head.map(
    (cell) => html`<th scope="col">${cell}</th>`,
  )}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}

export interface PageOptions {
  /** origins that the page's forms end at; redirects count */
  formAction?: string;
  /** path on this gateway that the browser goes to at once */
  goTo?: string;
  /** path on this gateway of the page's only script */
  script?: string;
}

// no script unless the page names one of ours; the only style sheet is our own
const policyOf = ({ formAction = "'none'", script }: PageOptions) =>
  `default-src 'none'; style-src 'self'; ${script ? "script-src 'self'; connect-src 'self'; " : ""}base-uri 'none'; form-action ${formAction}; frame-ancestors 'none'`;

/** Sends a whole page in Russian with a policy under which only our style sheet loads. */
export function sendPage(
  reply: FastifyReply,
  title: string,
  body: Html,
  options: PageOptions = {},
): FastifyReply {
  const page = html`<!DOCTYPE html>
<html lang="ru"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
${options.goTo !== undefined && html`<meta http-equiv="refresh" content="0;url=${options.goTo}">`}
<title>${title}</title><link rel="stylesheet" href="/docs/style.css"></head><body>
<a class="skip" href="#main">К содержанию</a>
<header><nav aria-label="Разделы"><a href="/">Начало</a> <a href="/docs">Документация API</a> <a href="/docs/errors">Ошибки</a></nav></header>
<main id="main">${body}</main>${options.script !== undefined && html`<script src="${options.script}"></script>`}</body></html>
`;
  return (
    reply
      .header("content-security-policy", policyOf(options))
      // under no-referrer a form's Origin would be null
      .header("referrer-policy", "same-origin")
      .type("text/html; charset=utf-8")
      .send(page.text)
  );
}

export const styleSheet = `
:root{color-scheme:light dark}
body{font:16px/1.55 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:0 1rem 3rem}
header{padding:.75rem 0;border-bottom:1px solid #8886}
nav a{margin-right:1rem}
h2{margin-top:2.2rem}h3{margin-top:1.8rem}
.skip{position:absolute;left:-100vw}.skip:focus{left:1rem;top:.5rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
td,th{border:1px solid #8888;padding:.3rem .5rem;text-align:left;vertical-align:top}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{overflow-x:auto;padding:.75rem;border:1px solid #8888}
.notice{border-left:.35rem solid #b34700;padding:.5rem 1rem}
.method{font-weight:700}
`.trimStart();

import type { FastifyInstance } from "fastify";
import { registerSessionOnly, type SessionDoor } from "../../plugins/session.ts";
import { type Html, html, sendPage } from "../ops/page.ts";

interface SigningPageParts {
  door: SessionDoor;
  /** of the sandbox, where there is one */
  signingPage?: string;
}

const path = "/cabinet/signing";
const script = "/cabinet/signing.js";

/** `/cabinet/signing`: prepare a document, hand its bytes to one's own tool, give the signature back, on one page. */
export function registerSigningPage(app: FastifyInstance, { door, signingPage }: SigningPageParts): void {
  app.get(script, (_request, reply) => reply.type("text/javascript; charset=utf-8").send(signingScript));
  app.register(async (guarded) => {
    registerSessionOnly(guarded, door);
    guarded.get(path, async (request, reply) => {
      door.requireWorker(request);
      return sendPage(reply, "Подписание документа", signingForm(signingPage), { script });
    });
  });
}

const signingForm = (signingPage: string | undefined): Html => html`<h1>Подписание документа</h1>
<p>Кабинет готовит документ и проверяет подпись. Подписывает ваше средство электронной подписи: закрытый ключ
кабинету не передаётся.</p>
<form id="document"><p><label>Название <input id="title" required maxlength="200" value="Служебная записка"></label></p>
<p><label>Текст<br><textarea id="text" required rows="6" cols="60"></textarea></label></p>
<p><button>Подготовить к подписанию</button></p></form>
<section id="signing" hidden><h2>Подпись</h2>
<p>SHA-256: <code id="sha256"></code><br>ГОСТ Р 34.11-2012: <code id="streebog"></code></p>
<p><a id="download" download="document.txt">Скачать документ</a> для подписания в вашей программе, затем выберите файл
подписи: <label>файл .sig <input type="file" id="file"></label></p>
${
  signingPage !== undefined &&
  html`<p><button type="button" id="tool" data-page="${signingPage}">Подписать учебным ключом</button> (без юридической силы)</p>`
}
</section>
<section id="activation" hidden><h2>Сертификат</h2>
<p>Этот сертификат ещё не активирован в кабинете: добавьте его в профиль и введите код из сообщения.
<label>Файл сертификата (.cer) <input type="file" id="certificate"></label></p>
<p><button type="button" id="bind">Добавить сертификат и получить код</button></p>
<form id="confirmation" hidden><p><label>Код из сообщения <input id="code" required pattern="[0-9]{6}" inputmode="numeric"
autocomplete="one-time-code"></label> <button>Активировать и подписать</button></p></form>
</section>
<p id="outcome" class="notice" role="status" aria-live="polite"></p>`;

/** Talks to the cabinet API in the person's session; the tool's page answers by postMessage from its own origin. */
const signingScript = `"use strict";
const field = (id) => document.getElementById(id);
const base64 = (bytes) => { let text = ""; for (const byte of bytes) text += String.fromCharCode(byte); return btoa(text); };
const bytesOf = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
let asked, offered, bound;
async function call(method, path, body) {
  const answer = await fetch("/cabinet/v1/me/" + path, {
    method,
    headers: {
      "content-type": "application/json",
      "x-requested-with": "signing-page",
      "idempotency-key": crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2),
    },
    body: JSON.stringify(body),
  });
  const result = await answer.json();
  if (answer.ok) return result;
  field("outcome").textContent = (result.title || result.detail) + ". " + (result.remedy || "");
  field("outcome").dataset.code = result.code;
  return undefined;
}
field("document").addEventListener("submit", async (event) => {
  event.preventDefault();
  field("outcome").textContent = "";
  const content = base64(new TextEncoder().encode(field("text").value));
  const order = { title: field("title").value, contentType: "text/plain; charset=utf-8", content };
  asked = await call("POST", "signatures", { document: order });
  if (!asked) return;
  field("sha256").textContent = asked.digests.sha256;
  field("streebog").textContent = asked.digests.streebog256;
  field("download").href = URL.createObjectURL(new Blob([bytesOf(asked.content)]));
  field("signing").hidden = false;
});
const words = {
  signed: "Документ подписан, подпись проверена.",
  "verification-pending": "Подпись принята и ждёт проверки сертификата: документ вступит в силу после неё.",
};
async function give(signature, certificates) {
  offered = { signature, certificates };
  const result = await call("PUT", "signatures/" + asked.id + "/signature", { signature });
  field("activation").hidden = Boolean(result) || field("outcome").dataset.code !== "certificate-pending";
  if (!result) return;
  field("outcome").textContent = words[result.state] || result.state;
  field("outcome").dataset.code = result.state;
}
field("file").addEventListener("change", async () => {
  const [file] = field("file").files;
  if (file) await give(base64(new Uint8Array(await file.arrayBuffer())));
});
field("certificate").addEventListener("change", async () => {
  const [file] = field("certificate").files;
  if (file) offered.certificates = { certificate: base64(new Uint8Array(await file.arrayBuffer())) };
});
field("bind").addEventListener("click", async () => {
  if (!offered.certificates) return field("certificate").focus();
  bound = await call("POST", "certificates", offered.certificates);
  field("confirmation").hidden = !bound;
});
field("confirmation").addEventListener("submit", async (event) => {
  event.preventDefault();
  const path = "certificates/" + bound.fingerprint + "/confirmation";
  if (await call("POST", path, { code: field("code").value })) await give(offered.signature, offered.certificates);
});
const tool = field("tool");
let opened;
if (tool) tool.addEventListener("click", () => { opened = open(tool.dataset.page, "signing-tool"); });
addEventListener("message", async (event) => {
  if (!tool || event.source !== opened || event.origin !== new URL(tool.dataset.page).origin) return;
  if (event.data.kind === "ready")
    opened.postMessage({ kind: "sign", title: asked.title, content: asked.content }, event.origin);
  if (event.data.kind === "signature") await give(event.data.signature, event.data.offered);
});
`;

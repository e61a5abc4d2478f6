import type { World } from "../../sandbox-world.ts";
import { variantNames, variants } from "./variants.ts";

const kindTitles = { rsa: "RSA-2048", gost: "ГОСТ Р 34.10-2012" };

const escaped = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign] ?? sign,
  );

const option = (value: string, title: string): string =>
  `<option value="${escaped(value)}">${escaped(title)}</option>`;

/** The page that stands for a person's signing tool: another page hands it bytes and gets a detached signature back. */
export function signingPage({ people }: World): string {
  const signers = [...people.values()].filter(({ note, snils }) => note && snils);
  return `<!DOCTYPE html>
<html lang="ru"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Учебная подпись — без юридической силы</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem}
.banner{background:#7a1f00;color:#fff;padding:.75rem 1rem}label{display:block;margin:.6rem 0}
textarea{width:100%;height:8rem}</style></head><body>
<p class="banner" role="note">Учебная подпись без юридической силы. Люди и ключи вымышлены.</p>
<h1>Подписать документ</h1>
<p id="asked" role="status">Документ не передан. Выберите файл или откройте эту страницу из кабинета.</p>
<form id="form">
<label>Файл <input type="file" id="file"></label>
<label>Кто подписывает <select id="owner">${signers
    .map(({ id, family, given, note }) => option(id, `${family} ${given}: ${note}`))
    .join("")}</select></label>
<label>Ключ <select id="kind">${Object.entries(kindTitles)
    .map(([kind, title]) => option(kind, title))
    .join("")}</select></label>
<label>Сертификат <select id="variant">${variantNames
    .map((name) => option(name, variants[name].title))
    .join("")}</select></label>
<p><button>Подписать</button></p></form>
<label>Подпись (CMS, base64) <textarea id="signature" readonly></textarea></label>
<p><a id="save" download="document.sig" hidden>Сохранить файл подписи</a></p>
<script src="signing.js"></script></body></html>
`;
}

/** Runs in the browser: the bytes come by postMessage from the opener or from a file, and the signature goes back. */
export const signingScript = `"use strict";
const field = (id) => document.getElementById(id);
let asked;
const show = (text) => { field("asked").textContent = text; };
addEventListener("message", (event) => {
  if (event.source !== opener || event.data?.kind !== "sign") return;
  asked = { content: event.data.content, origin: event.origin };
  show("Документ «" + event.data.title + "» передан страницей " + event.origin);
});
field("file").addEventListener("change", async () => {
  const [file] = field("file").files;
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  asked = { content: btoa(text) };
  show("Выбран файл " + file.name);
});
field("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!asked) return show("Сначала выберите документ");
  const order = { owner: field("owner").value, kind: field("kind").value, variant: field("variant").value };
  const answer = await fetch("signatures", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...order, content: asked.content }),
  });
  const { signature } = await answer.json();
  const own = await fetch("certificates?" + new URLSearchParams(order));
  const offered = await own.json();
  field("signature").value = signature;
  field("save").href = "data:application/pkcs7-signature;base64," + signature;
  field("save").hidden = false;
  show("Подписано. Подпись без юридической силы.");
  if (asked.origin) opener.postMessage({ kind: "signature", signature, offered }, asked.origin);
});
if (opener) opener.postMessage({ kind: "ready" }, "*");
`;

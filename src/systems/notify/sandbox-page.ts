export interface OutboxRow {
  id: string;
  channel: string;
  to: string;
  subject: string;
  text: string;
  at: string;
}

const escaped = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign] ?? sign,
  );

/** What the gateway was given to send, newest first, for a person who tries the cabinet. */
export function outboxPage(rows: readonly OutboxRow[]): string {
  const line = ({ at, channel, to, subject, text }: OutboxRow) =>
    `<tr>${[at, channel, to, subject, text].map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`;
  const heads = ["Когда", "Канал", "Кому", "Тема", "Текст"];
  return `<!DOCTYPE html>
<html lang="ru"><head><meta charset="utf-8"><title>Исходящие сообщения</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
.banner{background:#7a1f00;color:#fff;padding:.75rem 1rem}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #999;padding:.25rem .5rem;text-align:left}
</style></head><body>
<p class="banner" role="note">Песочница. Люди вымышлены, сообщения никуда не отправляются.</p>
<h1>Исходящие сообщения</h1>
<table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead><tbody>
${rows.map(line).join("\n") || `<tr><td colspan="${heads.length}">Пока ничего</td></tr>`}
</tbody></table></body></html>
`;
}

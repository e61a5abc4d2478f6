import { formatSnils } from "../core/identifiers.ts";
import type { SandboxSystem } from "../systems/sandbox-system.ts";

interface Row {
  id: string;
  name: string;
  note: string;
  snils?: string;
}

const grades = {
  A: "A — подтверждено открытыми источниками",
  B: "B — восстановлено по открытым источникам",
  C: "C — наше решение, открытых сведений нет",
};

/** The sandbox's first page, in Russian: what is played here, how truly, by whom and how to break it. */
export function landingPage(
  systems: readonly SandboxSystem[],
  people: readonly Row[],
  scenarios: Readonly<Record<string, Readonly<Record<string, string>>>>,
): string {
  return `<!DOCTYPE html>
<html lang="ru"><head><meta charset="utf-8"><title>Песочница cabinet-gateway</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
.banner{background:#7a1f00;color:#fff;padding:.75rem 1rem}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #999;padding:.25rem .5rem;text-align:left}
</style></head><body>
<p class="banner" role="note">Песочница. Люди, организации и документы вымышлены. Ответы, подписи и печатные формы не имеют юридической силы.</p>
<h1>Песочница cabinet-gateway</h1>
<p>${Object.values(grades).map(escaped).join("; ")}.</p>
${systems.map((system) => systemSection(system, scenarios[system.name] ?? {})).join("\n")}
<h2>Люди</h2>
${table(["Персона", "Имя", "СНИЛС", "Зачем"], people.map(personRow))}
<p>JSON: <a href="/_people">/_people</a>, <a href="/_scenarios">/_scenarios</a>, <a href="/_world">/_world</a>.</p>
</body></html>
`;
}

function systemSection(system: SandboxSystem, scenarios: Readonly<Record<string, string>>): string {
  const operations = system.operations.map(({ name, grade, note }) => [name, grade, note]);
  return `<section><h2>${escaped(system.title)}</h2>
<p>Адрес: ${system.ownPort ? "корень следующего порта (<code>SANDBOX_PORT</code> + 1)" : `<code>/${escaped(system.name)}</code>`}</p>
${table(["Операция", "Достоверность", "Пояснение"], operations)}
<details><summary>Сценарии сбоев</summary>
<p>Заголовок <code>X-Scenario</code> или <code>POST /_scenario {"system": "${escaped(system.name)}", "scenario": "…", "times": 1, "at": "начало пути"}</code>; без <code>at</code> — следующий запрос к системе или к своему месту сценария</p>
${table(["Сценарий", "Что происходит"], Object.entries(scenarios))}
</details></section>`;
}

function personRow({ id, name, snils, note }: Row): string[] {
  return [id, name, snils ? formatSnils(snils) : "—", note];
}

function table(head: string[], rows: readonly string[][]): string {
  const line = (cells: string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<table><thead>${line(head, "th")}</thead><tbody>${rows.map((row) => line(row, "td")).join("\n")}</tbody></table>`;
}

const escaped = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign] ?? sign,
  );

import type { FastifyInstance } from "fastify";
import { type Html, html, sendPage, table } from "./page.ts";

export interface StartPageSettings {
  publicUrl: string;
  version: string;
  /** path of the sign-in door, when there is one */
  signInPath?: string;
  /** where invented people live, when no real system is configured */
  sandbox?: {
    url: string;
    personas: readonly { id: string; note: string }[];
    /** name -> what happens */
    scenarios: Readonly<Record<string, string>>;
  };
}

/** `/`: what this is and where to go, for a person who opened the address in a browser. */
export function registerStartPage(app: FastifyInstance, settings: StartPageSettings): void {
  app.get("/", (_request, reply) => sendPage(reply, "Шлюз кабинета медработника", startPage(settings)));
}

const startPage = ({ publicUrl, version, signInPath, sandbox }: StartPageSettings): Html => html`
<h1>Шлюз кабинета медицинского работника</h1>
<p>Шлюз связывает кабинет медицинского работника и медицинские информационные системы с государственными
информационными системами. Каждая внешняя система переводится в FHIR R4; шлюз хранит журнал обращений и
отвечает понятными ошибками. Версия ${version}.</p>
${
  signInPath !== undefined &&
  html`<h2>Вход через Госуслуги</h2>
<ul>
<li><a href="${signInPath}?as=worker">Войти как медицинский работник</a></li>
<li><a href="${signInPath}?as=citizen">Войти как гражданин</a></li>
<li><a href="/help/sign-in">Помощь при входе</a></li>
<li><a href="/help/safety">Правила безопасного входа</a></li>
<li><a href="/help/certificate">Как получить сертификат подписи</a></li>
</ul>`
}
<h2>Разработчику</h2>
<ul>
<li><a href="/docs">Документация API</a>: API кабинета и FHIR R4</li>
<li><a href="/openapi/cabinet.yaml">openapi/cabinet.yaml</a>: описание API кабинета</li>
<li><a href="/fhir/metadata">CapabilityStatement</a>: что умеет FHIR-дверь</li>
<li><a href="/docs/errors">Коды ошибок</a> и что с ними делать</li>
</ul>
<p>Токен системы-клиента выдаёт <code>POST ${publicUrl}/auth/token</code> (SMART Backend Services).</p>
<h2>Состояние</h2>
<ul>
<li><a href="/health/ready">Готовность</a> и состояние внешних систем</li>
<li><a href="/health/live">Работа процесса</a></li>
</ul>
${sandbox && sandboxSection(sandbox)}`;

const sandboxSection = ({
  url,
  personas,
  scenarios,
}: NonNullable<StartPageSettings["sandbox"]>): Html => html`
<h2 id="sandbox">Песочница</h2>
<p class="notice" role="note">Внешние системы не настроены: отвечает песочница. Люди, организации и документы
вымышлены, ответы не имеют юридической силы.</p>
<p><a href="${url}">Страница песочницы</a>: люди, операции и степень их достоверности.</p>
<h3>Персоны</h3>
${table(
  ["Персона", "Кто это"],
  personas.map(({ id, note }) => [html`<code>${id}</code>`, note]),
)}
<h3>Сценарии сбоев</h3>
<p>Заголовок запроса <code>X-Scenario</code> заставляет песочницу вести себя так:</p>
${table(
  ["Сценарий", "Что происходит"],
  Object.entries(scenarios).map(([name, what]) => [html`<code>${name}</code>`, what]),
)}`;

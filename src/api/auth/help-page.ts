import type { FastifyInstance } from "fastify";
import { type Html, html, sendPage } from "../ops/page.ts";
import { certificatePage, certificatePath } from "./certificate-page.ts";
import { codeTroubleSteps, type OfficialLink, officialLinks } from "./official-links.ts";
import { safetyPage, safetyPath } from "./safety-page.ts";

/**
 * `/help/sign-in`: what people do at the state portal themselves, with its own pages; `/help/safety`: how to sign in
 * safely; `/help/certificate`: how to get a certificate.
 */
export function registerSignInHelp(app: FastifyInstance, securityContacts: readonly string[]): void {
  const help = helpPage(securityContacts);
  app.get("/help/sign-in", (_request, reply) => sendPage(reply, "Помощь при входе", help));
  app.get(safetyPath, (_request, reply) => sendPage(reply, "Безопасный вход", safetyPage()));
  app.get(certificatePath, (_request, reply) => sendPage(reply, "Сертификат подписи", certificatePage()));
}

const link = (name: OfficialLink): Html =>
  html`<a href="${officialLinks[name].url}">${officialLinks[name].title}</a>`;

const contact = (uri: string): Html => html`<a href="${uri}">${uri.replace(/^\w+:/, "")}</a> `;

const helpPage = (securityContacts: readonly string[]): Html => html`<h1>Помощь при входе</h1>
<p>Логин и пароль вводят только на ${link("portal")}. Кабинет их не видит и не хранит.</p>
<h2 id="registration">Регистрация</h2>
<ol>
<li>Укажите на сайте или в приложении Госуслуг телефон и введите код из СМС.</li>
<li>Введите ФИО, дату рождения, серию и номер паспорта, СНИЛС.</li>
<li>Задайте адрес почты и пароль.</li>
<li>Подтвердите личность: онлайн через банк, по видеосвязи или биометрии, либо в центре обслуживания.</li>
</ol>
<p>${link("registration")}; ${link("confirmation")}.</p>
<h2 id="login">Логин и пароль</h2>
<p>Войти можно по СНИЛС, телефону или почте. Регистр букв в пароле важен. Правила пароля, его проверку при вводе и
смену ведут Госуслуги; меняйте пароль не реже раза в три месяца.</p>
<p>${link("recovery")}; ${link("security")}.</p>
<h2 id="code">Одноразовый код не приходит</h2>
<ol>${codeTroubleSteps.map((step) => html`<li>${step}</li>`)}</ol>
<p>Вход подтверждают кодом из СМС, кодом из приложения-генератора, в приложении Госуслуг, по биометрии или
электронной подписью: способ выбирают в настройках. ${link("security")}.</p>
<h2 id="lock">Вход временно закрыт</h2>
<p>После нескольких ошибок Госуслуги закрывают вход на время. ${link("recovery")}; ${link("support")}. Обойти
блокировку через кабинет нельзя.</p>
<h2 id="signature">Вход по электронной подписи</h2>
<p>Сертификат должен действовать. Если срок истёк, получите новый: ${link("certificates")}; <a
href="${certificatePath}">как это сделать</a>.</p>
<h2 id="browser">Браузер</h2>
<ul>
<li>Нужна свежая версия браузера с TLS 1.2 или новее; cookie должны быть включены.</li>
<li>Отключите блокировку скриптов и всплывающих окон для этого сайта и Госуслуг.</li>
<li>Если вход не завершается, очистите кэш и cookie.</li>
</ul>
<h2 id="status">Портал не отвечает</h2>
<p>${link("status")}.</p>
<h2 id="safety">Безопасность</h2>
<p><a href="${safetyPath}">Девять правил безопасного входа</a>. Проверяйте адрес: ${link("portal")}.</p>
<h2 id="support">Поддержка</h2>
<p>${link("support")}. Приложите снимок экрана и номер запроса со страницы ошибки.</p>
<h2 id="security-service">Служба безопасности</h2>
<p>${
  securityContacts.length > 0
    ? securityContacts.map(contact)
    : html`Контакты службы безопасности даёт ваша организация.`
}</p>`;

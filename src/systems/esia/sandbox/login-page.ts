import type { FastifyReply } from "fastify";
import type { Person } from "../../sandbox-world.ts";
import type { Attempt } from "./login-guard.ts";
import type { AuthorizationRequest } from "./state.ts";

interface Picker {
  asked: AuthorizationRequest;
  personas: readonly Person[];
  password: string;
  attempt?: Attempt | undefined;
}

interface CodeStep {
  asked: AuthorizationRequest;
  /** shown on the page: in the sandbox nobody has a phone */
  code: string;
  attempt?: Attempt | undefined;
}

/** Who enters: personas as radio buttons, or any login; the password is the same for all. */
export function pickerPage(
  reply: FastifyReply,
  { asked, personas, password, attempt }: Picker,
): FastifyReply {
  const rows = personas.map(
    ({ id, family, given, middle, note }, index) =>
      `<label><input type="radio" name="persona" value="${escaped(id)}"${
        index === 0 ? " checked" : ""
      }> <b>${escaped([family, given, middle].filter(Boolean).join(" "))}</b> — ${escaped(note ?? "")} <code>${escaped(id)}</code></label>`,
  );
  return page(
    reply,
    attempt ? 401 : 200,
    "Вход",
    `<h1>Кто входит</h1>
<p>Система <code>${escaped(asked.client.clientId)}</code> просит: <code>${escaped(`${asked.scope} ${asked.scopeOrg}`.trim())}</code></p>
${failure(attempt)}
<form method="post" action="/login">
<input type="hidden" name="request" value="${asked.id}">
<fieldset><legend>Персона</legend>
${rows.join("\n")}
</fieldset>
<p><label>или логин: СНИЛС, e-mail, телефон, имя персоны <input name="login" autocomplete="off"></label></p>
<p><label>Пароль (в песочнице у всех <code>${escaped(password)}</code>) <input type="password" name="password" value="${
      attempt ? "" : escaped(password)
    }" autocomplete="off"></label></p>
<fieldset><legend>Способ</legend>
<label><input type="radio" name="method" value="password" checked> пароль</label>
<label><input type="radio" name="method" value="certificate"> электронная подпись</label>
<label><input type="radio" name="method" value="expired-certificate"> электронная подпись, сертификат истёк</label>
</fieldset>
<p><label><input type="checkbox" name="otp" value="1"${asked.otp ? " checked" : ""}> спросить одноразовый код</label></p>
<p><button>Войти</button> <button formaction="/login/cancel" formnovalidate>Отмена</button></p>
</form>`,
  );
}

/** The second factor: six digits, good for 5 minutes. */
export function codePage(reply: FastifyReply, { asked, code, attempt }: CodeStep): FastifyReply {
  return page(
    reply,
    attempt ? 401 : 200,
    "Одноразовый код",
    `<h1>Одноразовый код</h1>
<p>В жизни код приходит по СМС. В песочнице он здесь: <output id="code">${escaped(code)}</output>. Действует 5 минут; новый код отменяет прежний.</p>
${failure(attempt)}
<form method="post" action="/login/code">
<input type="hidden" name="request" value="${asked.id}">
<p><label>Код, шесть цифр <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label></p>
<p><button>Подтвердить</button> <button formaction="/login/new-code" formnovalidate>Выслать новый код</button>
<button formaction="/login/cancel" formnovalidate>Отмена</button></p>
</form>`,
  );
}

/** Too many failures: until when, and every way back that ESIA offers. There is no way round. */
export function lockedPage(reply: FastifyReply, until: number): FastifyReply {
  const end = new Date(until).toISOString();
  return page(
    reply,
    423,
    "Вход временно закрыт",
    `<h1>Вход временно закрыт</h1>
<p role="alert" data-code="LOCKED">Три неверные попытки подряд. Вход закрыт до <time datetime="${end}">${end}</time>.</p>
<h2>Как восстановить доступ</h2>
<ul>
<li><a href="https://esia.gosuslugi.ru/login/recovery">По коду из СМС или по электронной почте</a></li>
<li><a href="https://esia.gosuslugi.ru/login/recovery">«Восстановление доступа»: телефон и ответ на контрольный вопрос</a></li>
<li><a href="https://www.gosuslugi.ru/help">Поддержка Госуслуг</a>, <a href="tel:88001007010">8 800 100-70-10</a></li>
</ul>`,
  );
}

/** The certificate of an electronic signature has run out. */
export function expiredCertificatePage(reply: FastifyReply): FastifyReply {
  return messagePage(reply, 403, {
    title: "Сертификат истёк",
    text: "Срок сертификата электронной подписи истёк. Получите новый в аккредитованном удостоверяющем центре.",
    code: "CERT_EXPIRED",
    link: {
      href: "https://digital.gov.ru/ru/activity/govservices/certification_authority/",
      text: "Список центров",
    },
  });
}

/** A code has nowhere to go. */
export function noPhonePage(reply: FastifyReply): FastifyReply {
  return messagePage(reply, 403, {
    title: "Телефон не привязан",
    text: "Привяжите номер телефона в профиле Госуслуг, подтвердите его кодом и войдите ещё раз.",
    code: "PHONE_NOT_LINKED",
    link: { href: "https://lk.gosuslugi.ru/settings/account", text: "Настройки учётной записи" },
  });
}

interface Message {
  title: string;
  text: string;
  /** the problem's name, for people who ask for support */
  code?: string;
  link?: { href: string; text: string };
}

/** A page that only says something. */
export function messagePage(
  reply: FastifyReply,
  status: number,
  { title, text, code, link }: Message,
): FastifyReply {
  const said = code ? alert(code, text) : `<p role="alert">${escaped(text)}</p>`;
  const way = link ? `<p><a href="${link.href}">${escaped(link.text)}</a></p>` : "";
  return page(reply, status, title, `<h1>${escaped(title)}</h1>\n${said}${way}`);
}

function failure(attempt: Attempt | undefined): string {
  if (attempt?.outcome === "format")
    return codeFailure("OTP_FORMAT", "Код — ровно шесть цифр, без пробелов. Попытка не засчитана.");
  if (attempt?.outcome === "expired")
    return codeFailure("OTP_EXPIRED", "Срок кода — 5 минут — истёк. Запросите новый.");
  if (attempt?.outcome !== "wrong") return "";
  const left = `Осталось попыток: ${attempt.left}.`;
  return attempt.factor === "code"
    ? codeFailure("OTP_WRONG", `Код неверен. ${left}`)
    : `${alert("AUTH_BAD_CREDENTIALS", `Неверный логин или пароль. ${left}`)}
<ol><li>Проверьте раскладку и регистр букв и попробуйте ещё раз.</li>
<li><a href="https://esia.gosuslugi.ru/login/recovery">Восстановите пароль</a>.</li></ol>
<p>Нет учётной записи? <a href="https://esia.gosuslugi.ru/registration">Зарегистрируйтесь</a>:</p>
<ol><li>телефон и код из СМС;</li><li>фамилия, имя, отчество, дата рождения, серия и номер паспорта;</li>
<li>электронная почта и пароль;</li><li>подтверждение личности: учётная запись станет единой.</li></ol>`;
}

function codeFailure(code: string, text: string): string {
  return `${alert(code, text)}
<ol><li>Проверьте номер телефона в профиле.</li><li>Смените пароль и запросите новый код.</li>
<li>Очистите кэш и старые cookie.</li><li>Обратитесь в поддержку: снимок экрана и номер учётной записи.</li></ol>`;
}

const alert = (code: string, text: string) =>
  `<p role="alert" data-code="${code}">${escaped(text)} <code>${code}</code></p>`;

function page(reply: FastifyReply, status: number, title: string, body: string): FastifyReply {
  return reply
    .code(status)
    .type("text/html; charset=utf-8")
    .headers({
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-frame-options": "DENY",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    })
    .send(`<!DOCTYPE html>
<html lang="ru"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)} — ЕСИА, песочница</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem}
.banner{background:#7a1f00;color:#fff;padding:.75rem 1rem}
label{display:block;padding:.2rem 0}[role=alert]{border-left:4px solid #7a1f00;padding-left:.75rem}
</style></head><body>
<p class="banner" role="note">Песочница. Это не Госуслуги: люди вымышлены, вход ничего не значит.</p>
<main>${body}</main>
</body></html>
`);
}

const escaped = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign] ?? sign,
  );

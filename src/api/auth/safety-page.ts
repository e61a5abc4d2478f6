import { type Html, html } from "../ops/page.ts";
import { officialLinks } from "./official-links.ts";

export const safetyPath = "/help/safety";

const { portal, security, support } = officialLinks;

/** The nine recommendations to whoever signs in (Z-28, from L-35, L-56 and L-57). */
export const safetyPage = (): Html => html`<h1>Безопасный вход: девять правил</h1>
<ol>
<li>Придумайте для Госуслуг уникальный пароль и нигде больше его не используйте.</li>
<li>Включите вход с подтверждением (второй фактор): <a href="${security.url}">${security.title}</a>.</li>
<li>Меняйте пароль не реже раза в три месяца.</li>
<li>Не сохраняйте пароль в браузере: отключите автозаполнение.</li>
<li>На чужом и общем компьютере выходите кнопкой «Выйти» и очищайте историю браузера.</li>
<li>Не включайте «Запомнить меня».</li>
<li>Обновляйте операционную систему, браузер и антивирус.</li>
<li>Перед вводом пароля проверьте адрес: <a href="${portal.url}">${portal.url}</a>.</li>
<li>Если пришло сообщение о подозрительном входе, сразу смените пароль и обратитесь в поддержку:
<a href="${support.url}">${support.title}</a>.</li>
</ol>
<p><a href="/auth/login?as=worker">Войти как медицинский работник</a>; <a href="/auth/login?as=citizen">войти как
гражданин</a>; <a href="/help/sign-in">помощь при входе</a>.</p>`;

import type { FastifyInstance } from "fastify";
import type { SessionFacts } from "../../access/session-facts.ts";
import { moscowMoment } from "../../core/moscow-time.ts";
import type { Access } from "../../plugins/journal.ts";
import { registerSessionOnly, requireSession } from "../../plugins/session.ts";
import type { DeviceNotice } from "../../store/sign-ins.ts";
import { type Html, html, sendPage } from "../ops/page.ts";
import type { AuthDoor } from "./door.ts";
import { loggedOutPath } from "./logout.ts";

const path = "/auth/account";

const formWith = (name: string) => ({
  body: { type: "object", required: [name], properties: { [name]: { type: "string" } } },
});

const noticesForm = {
  body: {
    type: "object",
    required: ["until"],
    properties: { until: { type: "string", pattern: "^\\d{1,15}$" } },
  },
};

/** `/auth/account`: who is signed in, what is still to be chosen or accepted, and the way out; works without scripts. */
export function registerAccountPage(app: FastifyInstance, door: AuthDoor): void {
  app.register(async (guarded) => {
    registerSessionOnly(guarded, door.session);
    guarded.get(path, async (request, reply) => {
      const session = requireSession(request);
      const notices = await door.signIns.notices(session.owner);
      await request.journal(accessOf("read", session));
      const esia = new URL(await door.logoutUrl(door.publicUrl + loggedOutPath)).origin;
      return sendPage(reply, "Учётная запись", accountPage(session, notices, door), {
        formAction: `'self' ${esia}`,
      });
    });
    registerForms(guarded, door);
  });
}

function registerForms(guarded: FastifyInstance, door: AuthDoor): void {
  type Posted<Field extends string> = { Body: Record<Field, string> };
  guarded.post<Posted<"until">>("/auth/notices", { schema: noticesForm }, async (request, reply) => {
    const session = requireSession(request);
    await door.signIns.acknowledge(session.owner, Number(request.body.until));
    await request.journal(accessOf("acknowledge-device", session));
    return reply.redirect(path, 303);
  });
  guarded.post<Posted<"oid">>("/auth/organization", { schema: formWith("oid") }, async (request, reply) => {
    const session = requireSession(request);
    await door.choices.organization(session, request.body.oid, (trx) =>
      request.journalIn(trx, [accessOf("choose-organization", session)]),
    );
    return reply.redirect(path, 303);
  });
  guarded.post<Posted<"version">>("/auth/terms", { schema: formWith("version") }, async (request, reply) => {
    const session = requireSession(request);
    await door.choices.terms(session, request.body.version, (trx) =>
      request.journalIn(trx, [accessOf("accept-terms", session)]),
    );
    return reply.redirect(path, 303);
  });
}

const accessOf = (action: string, { id }: SessionFacts): Access => ({
  action,
  resourceType: "Session",
  resourceId: id,
});

function accountPage(session: SessionFacts, notices: readonly DeviceNotice[], door: AuthDoor): Html {
  const csrf = html`<input type="hidden" name="csrf" value="${door.session.csrf.tokenOf(session)}">`;
  return html`<h1>${session.name}</h1>
<p>Вы вошли как ${session.kind === "worker" ? "медицинский работник" : "гражданин"}.</p>
${registryNote(session)}
${notices.map(noticeOf)}
${notices[0] && noticesSeenForm(notices[0].at, csrf)}
${session.termsVersion !== door.termsVersion && termsForm(door.termsVersion, csrf)}
${session.kind === "worker" && organizationForm(session, csrf)}
<form method="post" action="/auth/logout">${csrf}<p><button>Выйти из кабинета и из Госуслуг</button></p></form>`;
}

function registryNote({ registry }: SessionFacts): Html | undefined {
  if (!registry || registry.fresh) return undefined;
  return html`<p class="notice" role="note">Реестр медицинских работников не отвечает. Ваш статус подтверждён
${moscowMoment(registry.verifiedAt)}; подписание документов недоступно до новой проверки при следующем входе.</p>`;
}

const noticeOf = ({
  at,
  circumstances,
}: DeviceNotice): Html => html`<p class="notice" role="alert">Вход с нового
устройства: ${circumstances.browser}, ${moscowMoment(at)}. Если это были не вы, сразу смените пароль Госуслуг и
<a href="/help/sign-in#support">обратитесь в поддержку</a>.</p>`;

const noticesSeenForm = (
  until: number,
  csrf: Html,
): Html => html`<form method="post" action="/auth/notices">${csrf}
<input type="hidden" name="until" value="${String(until)}"><p><button>Это были мои входы</button></p></form>`;

const termsForm = (version: string, csrf: Html): Html => html`<h2>Условия использования</h2>
<p>Кабинет показывает сведения государственных систем и записывает каждое обращение в журнал. Пользуйтесь им только
для своей работы и своих данных, не передавайте доступ другим.</p>
<form method="post" action="/auth/terms">${csrf}<input type="hidden" name="version" value="${version}">
<p><button>Принимаю условия</button></p></form>`;

function organizationForm({ organization, organizations }: SessionFacts, csrf: Html): Html {
  if (organizations.length < 2) return html`<p>Организация: ${organization?.name ?? "не указана"}</p>`;
  const options = organizations.map(
    ({ oid, name }) =>
      html`<p><label><input type="radio" name="oid" value="${oid}" required${
        oid === organization?.oid ? html` checked` : ""
      }> ${name}</label></p>`,
  );
  return html`<h2>Организация, от имени которой вы работаете</h2>
<form method="post" action="/auth/organization">${csrf}${options}<p><button>Выбрать</button></p></form>`;
}

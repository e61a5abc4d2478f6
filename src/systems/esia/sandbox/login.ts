import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Person } from "../../sandbox-world.ts";
import { callbackAddress, errorAddress } from "./callback.ts";
import { type Fields, fieldsOf } from "./fields.ts";
import type { Attempt } from "./login-guard.ts";
import {
  codePage,
  expiredCertificatePage,
  lockedPage,
  messagePage,
  noPhonePage,
  pickerPage,
} from "./login-page.ts";
import { EsiaRefusal } from "./refusal.ts";
import type { AuthorizationRequest, BrowserSession, EsiaState } from "./state.ts";

/** Everybody's password in the sandbox; the page says it. */
const sandboxPassword = "Sandbox-1";

const cookieName = "ESIA_SESSION";
const maxOpenRequests = 20;

/** One request to the sign-in pages and where its answer goes. */
interface Visit {
  esia: EsiaState;
  request: FastifyRequest;
  reply: FastifyReply;
}

/** A visit of a browser that has a system's request open. */
interface OpenVisit extends Visit {
  session: BrowserSession;
  asked: AuthorizationRequest;
  fields: Fields;
}

/** The living session of this browser. */
export function sessionOf(esia: EsiaState, request: FastifyRequest): BrowserSession | undefined {
  return esia.sessions.get(request.cookies[cookieName] ?? "");
}

export function endSession(esia: EsiaState, request: FastifyRequest, reply: FastifyReply): void {
  esia.sessions.delete(request.cookies[cookieName] ?? "");
  reply.clearCookie(cookieName, { path: "/" });
}

/** Sends the browser to the sign-in page; a persona named by the caller enters without it. Throws 007003. */
export function beginLogin(visit: Visit, asked: AuthorizationRequest, persona?: string): FastifyReply {
  const { esia, request } = visit;
  const session = sessionOf(esia, request) ?? esia.newSession();
  if (session.requests.size >= maxOpenRequests) session.requests.clear();
  session.requests.set(asked.id, asked);
  if (persona === undefined) return toLoginPage(visit, session);
  const person = esia.world.people.get(persona);
  if (!person) throw new EsiaRefusal("007003", ["persona"]);
  return afterPassword({ ...visit, session, asked, fields: {} }, person);
}

/** The pages of the sign-in itself: picker with a password, one-time code, cancel. */
export function loginPages(app: FastifyInstance, esia: EsiaState): void {
  app.get("/login", (request, reply) => {
    const session = sessionOf(esia, request);
    const asked = [...(session?.requests.values() ?? [])].at(-1);
    return session && asked
      ? showStep({ esia, request, reply, session, asked, fields: {} })
      : noRequest(reply);
  });
  const form = (path: string, answer: (visit: OpenVisit) => FastifyReply) =>
    app.post(path, (request, reply) => {
      const fields = fieldsOf(request.body);
      const session = sessionOf(esia, request);
      const asked = session?.requests.get(fields["request"] ?? "");
      return session && asked ? answer({ esia, request, reply, session, asked, fields }) : noRequest(reply);
    });
  form("/login", onPassword);
  form("/login/code", onCode);
  form("/login/new-code", (visit) => {
    visit.esia.guard.issueCode(visit.asked.awaiting ?? "");
    return showStep(visit);
  });
  form("/login/cancel", ({ reply, session, asked }) => {
    session.requests.delete(asked.id);
    return reply.redirect(errorAddress(asked.redirectUri, new EsiaRefusal("007004"), asked.state), 303);
  });
}

function onPassword(visit: OpenVisit): FastifyReply {
  const { esia, asked, fields, reply } = visit;
  const login = fields["login"] || fields["persona"] || "";
  const person = esia.personByLogin(login);
  if (fields["method"] === "expired-certificate") return expiredCertificatePage(reply);
  if (person && fields["method"] === "certificate") {
    asked.amr = "DS";
    return afterPassword(visit, person);
  }
  // an unknown login fails like a wrong password and counts like one
  const attempt = esia.guard.password(
    person?.id ?? login,
    person !== undefined && fields["password"] === sandboxPassword,
  );
  esia.logger.info(
    { actor: asked.client.clientId, outcome: attempt.outcome },
    "a password was typed at ESIA",
  );
  if (!person || attempt.outcome !== "accepted") return showFailure(visit, attempt);
  asked.otp ||= fields["otp"] === "1";
  return afterPassword(visit, person);
}

function onCode(visit: OpenVisit): FastifyReply {
  const { esia, asked, fields } = visit;
  const person = esia.world.people.get(asked.awaiting ?? "");
  if (!person) return showStep(visit);
  const attempt = esia.guard.code(person.id, fields["code"] ?? "");
  return attempt.outcome === "accepted" ? enter(visit, person) : showFailure(visit, attempt);
}

function afterPassword(visit: OpenVisit, person: Person): FastifyReply {
  const { esia, asked, session, reply } = visit;
  const locked = esia.guard.lockedUntil(person.id) !== undefined;
  if (!asked.otp && !locked) return enter(visit, person);
  if (!person.phone) return noPhonePage(reply);
  asked.awaiting = person.id;
  esia.guard.issueCode(person.id);
  return toLoginPage(visit, session);
}

function enter({ esia, request, reply, session, asked }: OpenVisit, person: Person): FastifyReply {
  const signedIn = esia.signIn(session, person.id, asked.amr);
  setCookie(reply, signedIn);
  return reply.redirect(callbackAddress(esia, asked, signedIn), request.method === "GET" ? 302 : 303);
}

function toLoginPage({ reply }: Visit, session: BrowserSession): FastifyReply {
  setCookie(reply, session);
  return reply.redirect("/login");
}

function showStep({ esia, reply, asked }: OpenVisit, attempt?: Attempt): FastifyReply {
  if (asked.awaiting === undefined) {
    const personas = [...esia.world.people.values()].filter(({ note }) => note);
    return pickerPage(reply, { asked, personas, password: sandboxPassword, attempt });
  }
  const until = esia.guard.lockedUntil(asked.awaiting);
  if (until !== undefined) return lockedPage(reply, until);
  return codePage(reply, { asked, code: esia.guard.codeOf(asked.awaiting) ?? "", attempt });
}

function showFailure(visit: OpenVisit, attempt: Attempt): FastifyReply {
  return attempt.outcome === "locked" ? lockedPage(visit.reply, attempt.until) : showStep(visit, attempt);
}

const noRequest = (reply: FastifyReply) =>
  messagePage(reply, 400, {
    title: "Нечего подтверждать",
    text: "Начните вход на странице своей системы ещё раз.",
  });

function setCookie(reply: FastifyReply, { id }: BrowserSession): void {
  reply.setCookie(cookieName, id, { path: "/", httpOnly: true, sameSite: "lax" });
}

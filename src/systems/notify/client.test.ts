import nock from "nock";
import { describe, expect, it } from "vitest";
import { answerByNock } from "../../../test/support/nock.ts";
import { testContext } from "../../../test/support/upstream.ts";
import { Cache } from "../../cache/cache.ts";
import { systemClock } from "../../core/clock.ts";
import { Upstream } from "../../upstream/call.ts";
import { createNotifyClient, type NotifyMessage } from "./client.ts";
import { type NoticeKind, type NoticeParameters, noticeText } from "./templates.ts";

const client = createNotifyClient({
  upstream: new Upstream({
    clock: systemClock,
    cache: new Cache({ clock: systemClock, maxBytes: 1_000 }),
    systems: { notify: { sandbox: false } },
    random: () => 0,
  }),
  baseUrl: "https://messages.test",
  key: "KEY",
  timeoutMs: 2_000,
});
const message: NotifyMessage = {
  id: "1",
  channel: "sms",
  address: "+79990000001",
  subject: "Тема",
  text: "Текст",
};
const send = (more: Partial<NotifyMessage> = {}) =>
  client.send({ ...message, ...more }, testContext(systemClock));
const port = (path: string) =>
  nock("https://messages.test").matchHeader("authorization", "Bearer KEY").post(path);

answerByNock();

describe("the message gateway's client", () => {
  it.each(["sms", "email", "push"] as const)("hands over by %s, the address in the body", async (channel) => {
    const sent = port(`/${channel}`).reply(200, (_uri, body) => {
      expect(body).toEqual({ id: "1", to: "+79990000001", subject: "Тема", text: "Текст" });
      return { status: "accepted" };
    });
    await send({ channel });
    expect(sent.isDone()).toBe(true);
  });

  it("takes a duplicate for sent", async () => {
    port("/sms").reply(200, { status: "duplicate" });
    await expect(send()).resolves.toBeUndefined();
  });

  it.each([
    [400, { error: "bad address +79990000001" }, "upstream-rejected"],
    [401, {}, "upstream-rejected"],
    [200, { status: "queued" }, "upstream-wrong-shape"],
    [200, "<html>", "upstream-malformed"],
  ])("an answer of %s %j is %s and names no address", async (status, body, code) => {
    port("/sms").times(9).reply(status, body);
    const error = await send().catch((thrown) => thrown);
    expect(error).toMatchObject({ code });
    expect(JSON.stringify([error.message, error.detail])).not.toContain("+7999");
  });

  it("tries again after a failure of the way, with the same id", async () => {
    const ids: unknown[] = [];
    const note = (_uri: string, body: unknown) => void ids.push((body as { id: string }).id);
    port("/sms").reply(503, note);
    port("/sms").reply(200, (uri, body) => {
      note(uri, body);
      return { status: "accepted" };
    });
    await send();
    expect(ids).toEqual(["1", "1"]);
  });
});

const opened = {
  at: "22.11.2026 10:00",
  worker: "w-1",
  role: "r-1",
  organization: "1.2.643.1",
  patient: "p-1",
  request: "q-1",
};

const parameters: NoticeParameters = {
  "consent-code": { code: "123456", minutes: 5 },
  "withdrawal-code": { code: "123456", minutes: 5 },
  "consent-granted": {},
  "consent-withdrawn": {},
  "new-device": { at: "22.11.2026 10:00", browser: "Chrome" },
  "emergency-access": opened,
  "legal-ground-access": opened,
  "session-compromised": { at: "22.11.2026 10:00" },
  "certificate-code": { code: "123456", minutes: 5 },
  "certificate-expiry": { days: 14 },
};

describe("texts of notices", () => {
  it.each(["emergency-access", "legal-ground-access"] as const)("%s says who opened whose card", (kind) => {
    for (const part of Object.values(opened)) expect(noticeText(kind, opened).text).toContain(part);
  });

  it.each(Object.keys(parameters) as NoticeKind[])("%s is Russian and tells nothing of health", (kind) => {
    const { subject, text } = noticeText(kind, parameters[kind]);
    expect(subject).toMatch(/^[А-Я]/);
    expect(text).toMatch(/[а-я]{4}/);
    expect(text).not.toMatch(/диагноз|врач|рецепт|анализ|болезн|терапевт|undefined/i);
  });
});

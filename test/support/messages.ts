import { setTimeout as pause } from "node:timers/promises";
import type { TestApp } from "./app.ts";

interface SentMessage {
  id: string;
  channel: string;
  to: string;
  subject: string;
  text: string;
}

/** What the sandbox's message gateway was given for one address, newest first. */
export async function messagesTo(app: Pick<TestApp, "sandboxUrl">, to: string): Promise<SentMessage[]> {
  const answer = await fetch(`${app.sandboxUrl}/notify/_outbox`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ to }),
  });
  return (await answer.json()) as SentMessage[];
}

/** The newest code that was sent to one address after the given messages; waits for the outbox. */
export async function codeSentTo(app: Pick<TestApp, "sandboxUrl">, to: string, before = 0): Promise<string> {
  for (let turn = 0; turn < 400; turn++) {
    const codes = (await messagesTo(app, to)).flatMap(({ text }) => /^\d{6}/.exec(text)?.[0] ?? []);
    if (codes[0] && codes.length > before) return codes[0];
    await pause(25);
  }
  throw new Error(`no code came to ${to}`);
}

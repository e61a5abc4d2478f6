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

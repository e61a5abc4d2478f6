import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Upstream } from "../../upstream/call.ts";
import type { Attempt, Operation } from "../../upstream/operation.ts";
import { acceptance } from "./wire.ts";

const channels = ["sms", "email", "push"] as const;
export type Channel = (typeof channels)[number];

/** One message to one person; `id` is what the message gateway deduplicates by. */
export interface NotifyMessage {
  id: string;
  channel: Channel;
  /** phone in E.164, e-mail address, or a device's push token */
  address: string;
  subject: string;
  text: string;
}

export interface NotifySettings {
  upstream: Upstream;
  /** address under which `/sms`, `/email` and `/push` stand */
  baseUrl: string;
  /** the operator's key at the message gateway */
  key: string;
  timeoutMs: number;
}

/** Client of the operator's message gateway (our design, grade C). */
export interface NotifyClient {
  /** Hands a message over; throws `upstream-*` as the pipeline classifies, `upstream-rejected` for a bad address. */
  send(message: NotifyMessage, ctx: RequestContext): Promise<void>;
}

/** Opens the client of the message gateway. */
export function createNotifyClient(settings: NotifySettings): NotifyClient {
  const operations = Object.fromEntries(
    channels.map((channel): [Channel, Operation] => [channel, operationOf(channel, settings.timeoutMs)]),
  ) as Record<Channel, Operation>;
  return {
    send: async (message, ctx) => {
      const codec = { send: (attempt: Attempt) => post(settings, message, attempt) };
      await settings.upstream.call(operations[message.channel], message, codec, ctx);
    },
  };
}

const operationOf = (name: Channel, timeoutMs: number): Operation => ({
  system: "notify",
  name,
  effect: "write",
  // the gateway sends one message per id
  repeatable: true,
  timeoutMs,
  cacheSeconds: 0,
  priority: "interactive",
});

async function post(
  { baseUrl, key }: NotifySettings,
  { channel, id, address, subject, text }: NotifyMessage,
  attempt: Attempt,
): Promise<void> {
  const response = await attempt.fetch(`${baseUrl}/${channel}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ id, to: address, subject, text }),
  });
  // the answer may quote the address
  if (!response.ok) throw new GatewayError("upstream-rejected", { system: "notify" });
  if (!acceptance.Check(await response.json()))
    throw new GatewayError("upstream-wrong-shape", { system: "notify" });
}

import type { Clock } from "../core/clock.ts";
import { systemContext } from "../core/context.ts";
import type { Logger } from "../core/logger.ts";
import type { NotifyClient } from "../systems/notify/client.ts";
import type { QueuedNotice } from "../systems/notify/notices.ts";
import type { Deliverer } from "./outbox-worker.ts";

interface NoticeDelivery {
  client: NotifyClient;
  clock: Clock;
  log: Logger;
}

/** Takes queued notices to the message gateway; one that is out of date is dropped. */
export function noticeDeliverer({ client, clock, log }: NoticeDelivery): Deliverer {
  return async (message) => {
    const { validUntil, channel, address, subject, text } = message.payload as QueuedNotice;
    if (validUntil !== undefined && clock.now() > validUntil) {
      log.warn({ outbox_id: message.id, kind: message.kind }, "a notice came too late to be sent");
      return;
    }
    await client.send(
      { id: message.deduplicationId, channel, address, subject, text },
      systemContext({
        id: "outbox",
        tenant: message.tenant,
        requestId: message.id,
        deadline: message.leaseEndsAt,
        log,
      }),
    );
  };
}

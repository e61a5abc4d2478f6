import type { Kysely } from "kysely";
import type { Outbox } from "../../store/outbox.ts";
import type { Schema } from "../../store/schema.ts";
import type { Channel, NotifyMessage } from "./client.ts";
import { type NoticeKind, type NoticeParameters, noticeText } from "./templates.ts";

/** Where a person can be reached. */
export interface Recipient {
  channel: Channel;
  /** phone in E.164, e-mail address, or a device's push token */
  address: string;
}

export interface Notice<Kind extends NoticeKind = NoticeKind> {
  to: Recipient;
  kind: Kind;
  parameters: NoticeParameters[Kind];
  /** the same id is sent once, however often it is queued */
  id: string;
  tenant: string;
  /** clock milliseconds; a notice that is still waiting then is dropped: nobody needs a code that ran out */
  validUntil?: number;
}

/** A queued message, as the outbox holds it sealed. */
export interface QueuedNotice extends Omit<NotifyMessage, "id"> {
  validUntil?: number;
}

export const notifySystem = "notify";

/** Notices to people, queued in the transaction of what they tell of. */
export class Notices {
  readonly #outbox: Pick<Outbox, "enqueue">;

  constructor(outbox: Pick<Outbox, "enqueue">) {
    this.#outbox = outbox;
  }

  /** Queues a notice in the caller's transaction; false when its id was queued before. */
  send<Kind extends NoticeKind>(trx: Kysely<Schema>, notice: Notice<Kind>): Promise<boolean> {
    const { to, kind, parameters, id, tenant, validUntil } = notice;
    const payload: QueuedNotice = { ...to, ...noticeText(kind, parameters), validUntil };
    return this.#outbox.enqueue(trx, {
      tenant,
      system: notifySystem,
      kind,
      deduplicationId: id,
      payload,
    });
  }
}

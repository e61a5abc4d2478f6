import type { WireFetch } from "./http.ts";
import type { Priority } from "./quota.ts";

/** One call that a system offers, as data. */
export interface Operation {
  system: string;
  name: string;
  /** a write is never cached, and not repeated by the pipeline unless `repeatable` */
  effect: "read" | "write";
  /** a write whose owner allows another attempt after a failure of the way, each attempt built anew by the codec */
  repeatable?: boolean;
  /** for the whole call: waiting for quota and retries count */
  timeoutMs: number;
  /** 0: never cached */
  cacheSeconds: number;
  priority: Priority;
  /** of the decompressed answer; default 1 MiB */
  maxBytes?: number;
}

/** What a codec may use during one attempt. */
export interface Attempt {
  signal: AbortSignal;
  /** the only way out: bound to the pipeline's connections, deadline and byte limit */
  fetch: WireFetch;
  /** what is left of the deadline */
  timeoutMs: number;
}

/** How one operation is sent and its answer read; all of it runs in the classified zone. */
export interface Codec<I, O> {
  /** absent: the answer is not cached; may hold personal data, it never leaves the process in the clear */
  cacheKey?: readonly string[];
  /** whose generations a cached answer depends on */
  subjects?: readonly string[];
  send(attempt: Attempt, input: I): Promise<O>;
}

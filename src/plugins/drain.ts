import type { FastifyInstance } from "fastify";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";

interface DrainSettings {
  clock: Clock;
  log: Logger;
  /** how long the balancer may need to see that readiness turned 503 */
  noticeMs: number;
  /** how long a kept connection without a request may then stay, to send one more */
  idleMs: number;
  /** after so long from the beginning whatever is still open is cut */
  limitMs: number;
}

/** Leaving without failing a request: `draining` turns readiness to 503, `run` ends when the listener is closed. */
export interface Drain {
  readonly draining: boolean;
  run(): Promise<void>;
}

/**
 * Graceful drain: readiness says 503, each answer says `Connection: close`, the listener closes when the balancer has
 * had time to notice, kept connections have time for one more request, running requests finish. Stores are closed by
 * the caller afterwards.
 */
export function registerDrain(app: FastifyInstance, settings: DrainSettings): Drain {
  const { clock, log, noticeMs, idleMs, limitMs } = settings;
  const { server } = app;
  let running: Promise<void> | undefined;
  app.addHook("onRequest", (_request, reply, done) => {
    if (running) reply.header("connection", "close");
    done();
  });
  const leave = async () => {
    log.info({}, "draining");
    const done = new AbortController();
    const after = (ms: number, act: () => void) => clock.sleep(ms, done.signal).then(act, () => {});
    // node cuts idle connections with the listener, also one whose next request is on its way
    const cutIdle = server.closeIdleConnections.bind(server);
    server.closeIdleConnections = () => {};
    const notice = Math.min(noticeMs, limitMs);
    await clock.sleep(notice);
    const cuts = [
      after(Math.min(idleMs, limitMs - notice), cutIdle),
      after(limitMs - notice, () => {
        log.warn({}, "drain limit reached, open connections are cut");
        server.closeAllConnections();
      }),
    ];
    await app.close();
    done.abort();
    await Promise.all(cuts);
    log.info({}, "drained");
  };
  return {
    get draining() {
      return running !== undefined;
    },
    run() {
      running ??= leave();
      return running;
    },
  };
}

import type { FastifyInstance } from "fastify";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";

interface DrainSettings {
  clock: Clock;
  log: Logger;
  /** how long the balancer may need to see that readiness turned 503; connections are asked to close meanwhile */
  noticeMs: number;
  /** how long running requests may take to finish after that */
  limitMs: number;
}

/** Leaving without failing a request: `draining` turns readiness to 503, `run` ends when the listener is closed. */
export interface Drain {
  readonly draining: boolean;
  run(): Promise<void>;
}

/**
 * Graceful drain: readiness says 503, each answer says `Connection: close`, the listener closes when the
 * balancer has had time to notice, running requests finish. Stores are closed by the caller afterwards.
 */
export function registerDrain(app: FastifyInstance, settings: DrainSettings): Drain {
  const { clock, log, noticeMs, limitMs } = settings;
  let running: Promise<void> | undefined;
  app.addHook("onRequest", (_request, reply, done) => {
    if (running) reply.header("connection", "close");
    done();
  });
  const leave = async () => {
    log.info({}, "draining");
    await clock.sleep(noticeMs);
    const limit = new AbortController();
    const cut = clock.sleep(limitMs, limit.signal).then(
      () => {
        log.warn({}, "drain limit reached, open connections are cut");
        app.server.closeAllConnections();
      },
      () => {},
    );
    await app.close();
    limit.abort();
    await cut;
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

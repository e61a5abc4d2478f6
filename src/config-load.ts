import Type from "typebox";
import { Count } from "./config-fields.ts";

/** Settings of how much one replica takes, and how it leaves. */
export const loadSettings = {
  RATE_LIMIT_PER_MINUTE: Count(60_000, "requests a minute that one client may send", 1),
  REFUSALS_PER_MINUTE: Count(
    300,
    "refused credentials a minute after which further ones of that address are answered 429",
    1,
  ),
  DRAIN_SECONDS: Count(
    25,
    "how long the process may take to leave from the moment it is told to stop, notice included; whatever runs then is cut, and 3 s later the process ends: the orchestrator must allow more (Kubernetes: 30 s)",
  ),
  DRAIN_NOTICE_MS: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        "how long readiness says 503 before the listener closes: more than the balancer's probe interval; absent: 10000 in production, 0 in the sandbox",
    }),
  ),
  DRAIN_IDLE_MS: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        "how long after that a kept connection may stay to send one more request, answered with `Connection: close`; absent: 10000 in production, 0 in the sandbox",
    }),
  ),
  OVERLOAD_MS: Count(500, "median delay of the event loop above which requests are refused with 503", 10),
  MAX_CONNECTIONS: Count(2_000, "open connections of callers; further ones are closed at once", 1),
  STALLED_CONNECTION_MS: Count(
    30_000,
    "a connection on which no byte moves for so long, beyond REQUEST_TIMEOUT_MS, is cut",
    1,
  ),
};

import type { ErrorCode } from "../core/error-table.ts";
import { GatewayError } from "../core/errors.ts";
import { type CodeVerdict, codeLimits, type IssuedCode } from "../store/one-time-codes.ts";
import type { Recipient } from "../systems/notify/notices.ts";

/** A code on its way to a person; the code itself is told to nobody else. */
export type SentCode = Omit<IssuedCode, "code"> & { to: Recipient & { channel: "sms" | "email" } };

const refusals: Readonly<Record<Exclude<CodeVerdict, "right">, ErrorCode>> = {
  malformed: "code-malformed",
  wrong: "code-wrong",
  expired: "code-expired",
  locked: "code-locked",
};

/** Why what the person entered was not taken. */
export const codeRefusal = (verdict: CodeVerdict): GatewayError =>
  verdict === "right"
    ? new GatewayError("internal")
    : new GatewayError(refusals[verdict], {
        field: "code",
        ...(verdict === "locked" && { retryAfter: codeLimits.lockMs / 1_000 }),
      });

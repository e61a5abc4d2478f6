import { maskedAddress } from "../../flows/recipient.ts";
import type { SentCode } from "../../flows/sent-code.ts";
import type { components } from "./types.ts";

/** Where a code went, for the person to recognise, and its times. */
export const codeView = ({ to, expiresAt, resendAt }: SentCode): components["schemas"]["SentCode"] => ({
  channel: to.channel,
  to: maskedAddress(to),
  expiresAt: new Date(expiresAt).toISOString(),
  resendAt: new Date(resendAt).toISOString(),
});

import { GatewayError } from "../core/errors.ts";

// SQLSTATE classes and codes that mean "the database can't serve now", not "this statement is wrong"
const unavailableStates = /^(08...|53...|57P0[1-5]|57014|58...|25006|25P03|25P04|28...|3D000|XX00[0-2])$/;
const socketCodes = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOST|ENET|ENOENT|EACCES)/;
const driverMessages =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|connection error|not queryable|after calling end|embedded database/;

/** True when the connection or the server failed: the statement itself may be right. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return unavailableStates.test(code) || socketCodes.test(code) || driverMessages.test(error.message);
}

/** SQLSTATE 57014: the server ended the statement and the connection is still good. */
export function isStatementTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "57014";
}

/** SQLSTATE 40001 and 40P01: another transaction was in the way, all was undone, and a second try may pass. */
export function isRepeatable(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "40001" || error.code === "40P01");
}

/** The error that callers see for a database that does not answer. */
export function storeUnavailable(cause: unknown): GatewayError {
  return new GatewayError("store-unavailable", { system: "store", cause });
}

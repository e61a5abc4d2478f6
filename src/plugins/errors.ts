import type { IncomingMessage } from "node:http";
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  preHandlerHookHandler,
} from "fastify";
import type { ErrorCode } from "../core/error-table.ts";
import { GatewayError, isGatewayError } from "../core/errors.ts";
import { outcomeOf } from "../fhir/outcome.ts";
import { xmlOfResource } from "../fhir/xml-codec.ts";
import { contentTypes, formatOf } from "./fhir-format.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** code of the error that this request was answered with */
    errorCode: ErrorCode | undefined;
  }
}

// fastify's own refusals; anything else of fastify is a fault of ours
const fastifyCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_VALIDATION: "bad-request",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported-media-type",
  FST_ERR_CTP_BODY_TOO_LARGE: "payload-too-large",
  FST_ERR_CTP_EMPTY_JSON_BODY: "bad-request",
  FST_ERR_CTP_INVALID_JSON_BODY: "bad-request",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "bad-request",
  FST_ERR_NOT_FOUND: "not-found",
};

/** Any thrown value as an error of our table; what nobody foresaw is `internal`. */
export function toGatewayError(error: unknown): GatewayError {
  if (isGatewayError(error)) return error;
  const { code = "", validation, validationContext, statusCode } = error as Partial<FastifyError>;
  if (validation?.[0]) {
    const [first] = validation;
    const missing = first.keyword === "required" ? `/${String(first.params.missingProperty)}` : "";
    const field = `${validationContext ?? "body"}${first.instancePath}${missing}`;
    return new GatewayError("bad-request", { field, detail: `${field} ${first.message ?? "is wrong"}` });
  }
  const known = fastifyCodes[code] ?? (isBrokenBody(error, statusCode) ? "bad-request" : undefined);
  // parser messages may quote the body, so only the table speaks
  return new GatewayError(known ?? "internal", { cause: error });
}

const isBrokenBody = (error: unknown, statusCode: number | undefined): boolean =>
  statusCode === 400 && error instanceof Error;

interface ErrorSettings {
  publicUrl: string;
  /** may answer with another error than the one that was thrown */
  judge?: (error: GatewayError, ip: string) => GatewayError;
  /** records a refused or failed access; a rejection turns the answer into `store-unavailable` */
  record?: (request: FastifyRequest, code: ErrorCode) => Promise<void>;
  /** rate limit of requests for which there is no route */
  limit?: preHandlerHookHandler;
  /** a page for a browser that came somewhere by itself; undefined for everybody else */
  page?: (error: GatewayError, request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined;
}

/**
 * Every error leaves here: `/fhir` as OperationOutcome, the token endpoints as RFC 6749, the rest as RFC 9457.
 * A fault of ours says one fixed sentence; its details go to the log under the request id.
 */
export function registerErrors(app: FastifyInstance, settings: ErrorSettings): void {
  app.decorateRequest("errorCode", undefined);
  const routes = new RouteMethods();
  app.addHook("onRoute", ({ url, method }) => routes.add(url, method));
  app.setErrorHandler((error, request, reply) => answer(toGatewayError(error), request, reply, settings));
  app.setNotFoundHandler({ preHandler: settings.limit }, (request, reply) => {
    if (unreadables.has(request.raw))
      return answer(new GatewayError("bad-request"), request, reply, settings);
    const methods = routes.of(pathOf(request));
    if (methods.length === 0) return answer(new GatewayError("not-found"), request, reply, settings);
    reply.header("allow", methods.join(", "));
    return answer(new GatewayError("method-not-allowed"), request, reply, settings);
  });
}

const unreadables = new WeakSet<IncomingMessage>();

/** Marks a request whose address can't be read, and gives it one of the same door that leads nowhere. */
export function unreadable(request: IncomingMessage): string {
  unreadables.add(request);
  return `${request.url?.startsWith("/fhir/") ? "/fhir" : ""}${"/-".repeat(9)}`;
}

async function answer(
  thrown: GatewayError,
  request: FastifyRequest,
  reply: FastifyReply,
  settings: ErrorSettings,
): Promise<FastifyReply> {
  const error = settings.judge?.(thrown, request.ip) ?? thrown;
  const told = await recorded(error, request, settings);
  const { code, row } = told;
  request.errorCode = code;
  if (row.status >= 500) request.ctx.log.error({ error: told, code, system: told.system }, "request failed");
  else if (told.cause) request.ctx.log.debug({ error: told, code }, "request refused");
  const { retryAfter } = told.retry;
  if (retryAfter !== undefined) reply.header("retry-after", String(retryAfter));
  if (row.status === 401) reply.header("www-authenticate", challengeTo(request));
  // of an answer that was about to leave when its transaction failed
  for (const name of ["location", "content-location", "etag", "last-modified", "preference-applied"])
    reply.removeHeader(name);
  reply.code(row.status).header("cache-control", "no-store");
  const page = settings.page?.(told, request, reply);
  if (page) return page;
  const { type, text } = errorBody(told, request, settings.publicUrl);
  return reply.type(type).send(text);
}

/** RFC 6750 3.1: whoever sent no token is told of no error in it. */
const challengeTo = ({ headers }: FastifyRequest): string =>
  /^bearer /i.test(headers.authorization ?? "") ? 'Bearer error="invalid_token"' : "Bearer";

async function recorded(
  error: GatewayError,
  request: FastifyRequest,
  settings: ErrorSettings,
): Promise<GatewayError> {
  try {
    await settings.record?.(request, error.code);
    return error;
  } catch (cause) {
    return toGatewayError(cause);
  }
}

const pathOf = (request: Pick<FastifyRequest, "url">): string => request.url.split("?", 1)[0] ?? "/";

type Refused = Pick<FastifyRequest, "url" | "id" | "headers" | "query" | "body">;

/** The body of an error in the dialect of the door that was asked, and its content type. */
export function errorBody(
  error: GatewayError,
  request: Refused,
  publicUrl: string,
): { type: string; text: string } {
  const path = pathOf(request);
  if (oauthPaths.has(path)) return { type: "application/json", text: JSON.stringify(oauthError(error)) };
  if (path === "/fhir" || path.startsWith("/fhir/")) return outcomeBody(error, request);
  return {
    type: "application/problem+json; charset=utf-8",
    text: JSON.stringify(problemOf(error, request.id, publicUrl)),
  };
}

/** In the format that was asked for; JSON for one that there is not, and for what XML can't hold. */
function outcomeBody(error: GatewayError, request: Refused): { type: string; text: string } {
  const outcome = outcomeOf(error);
  try {
    if (formatOf(request) === "xml") return { type: contentTypes.xml, text: xmlOfResource(outcome) };
  } catch (cause) {
    if (!isGatewayError(cause)) throw cause;
  }
  return { type: contentTypes.json, text: JSON.stringify(outcome) };
}

/** RFC 9457, with the code, the remedy and a retry contract that a program can follow. */
function problemOf(error: GatewayError, requestId: string, publicUrl: string) {
  const { code, row, field } = error;
  return {
    type: `${publicUrl}/docs/errors#${code}`,
    title: row.text,
    status: row.status,
    detail: row.status === 500 ? row.meaning : error.message,
    code,
    field,
    remedy: row.remedy,
    retry: error.retry,
    requestId,
  };
}

const oauthPaths = new Set(["/auth/token", "/auth/introspect", "/auth/revoke"]);

// RFC 6749 5.2 knows few codes; ours and the retry contract go along
const oauthCodes: Partial<Record<ErrorCode, string>> = {
  "invalid-client": "invalid_client",
  "invalid-assertion": "invalid_client",
  "invalid-scope": "invalid_scope",
  "foreign-token": "invalid_grant",
  "unsupported-grant-type": "unsupported_grant_type",
  "store-unavailable": "temporarily_unavailable",
  overloaded: "temporarily_unavailable",
};

function oauthError(error: GatewayError) {
  const { row, code } = error;
  const fallback = row.status >= 500 ? "server_error" : "invalid_request";
  return {
    error: oauthCodes[code] ?? fallback,
    // RFC 6749 5.2 allows ASCII only here
    error_description: row.status === 500 ? row.meaning : error.message.replace(/[^ -~]|["\\]/g, ""),
    code,
    retry: error.retry,
  };
}

/** Which methods a path has, asked only when fastify found no route, to tell 405 from 404. */
class RouteMethods {
  readonly #routes: { pattern: RegExp; methods: string[] }[] = [];

  add(url: string, method: string | string[]): void {
    const source = url
      .split("/")
      .map((part) => (part.startsWith(":") ? patternOf(part) : part === "*" ? ".*" : escapeRegExp(part)))
      .join("/");
    this.#routes.push({ pattern: new RegExp(`^${source}$`), methods: [method].flat() });
  }

  of(path: string): string[] {
    return [
      ...new Set(this.#routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods)),
    ];
  }
}

/** `:name`, or `:name(^pattern$)`. */
const patternOf = (parameter: string): string => /\(\^(.*)\$\)$/.exec(parameter)?.[1] ?? "[^/]+";

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

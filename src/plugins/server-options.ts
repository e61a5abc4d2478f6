import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyHttpOptions } from "fastify";
import type { ErrorCode } from "../core/error-table.ts";
import { GatewayError } from "../core/errors.ts";
import { requestIdOf } from "./context.ts";
import { errorBody, toGatewayError } from "./errors.ts";

interface EdgeSettings {
  publicUrl: string;
  /** deadline of a whole request, also for its bytes to arrive */
  timeoutMs: number;
  /** addresses or networks whose X-Forwarded-* is believed */
  trustedProxies?: readonly string[];
}

const maxBodyBytes = 1 << 20;
const longestHeadersMs = 60_000;

// what node refuses before there is a request; the rest is no HTTP
const connectionErrors: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: "headers-too-large",
  ERR_HTTP_REQUEST_TIMEOUT: "request-timeout",
};

/**
 * How fastify is built at the edge: our request ids, our error bodies even for requests that never reach a
 * route, and no refusals while connections drain.
 */
export function serverOptions({
  publicUrl,
  timeoutMs,
  trustedProxies = [],
}: EdgeSettings): FastifyHttpOptions<Server> {
  return {
    genReqId: (raw: IncomingMessage) => requestIdOf(raw.headers["x-request-id"]),
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    bodyLimit: maxBodyBytes,
    requestTimeout: timeoutMs,
    // longer than the idle time of usual load balancers, so that they close first
    keepAliveTimeout: 72_000,
    return503OnClosing: false,
    http: { headersTimeout: Math.min(longestHeadersMs, timeoutMs), connectionsCheckingInterval: 1_000 },
    frameworkErrors: (error, request, reply) => {
      const known = toGatewayError(error);
      const { type, text } = errorBody(known, request, publicUrl);
      reply.raw.writeHead(known.row.status, { "content-type": type, "x-request-id": request.id });
      reply.raw.end(text);
    },
    clientErrorHandler: (error, socket: Socket) => {
      if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
      const known = new GatewayError(connectionErrors[error.code] ?? "bad-request");
      const { status } = known.row;
      // which door was meant is not known
      const { type, text } = errorBody(known, unread(), publicUrl);
      socket.end(
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${type}\r\n` +
          `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
      );
    },
  };
}

const unread = () => ({ url: "/", id: crypto.randomUUID(), headers: {}, query: {}, body: undefined });

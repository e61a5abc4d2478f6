import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FastifyServerOptions } from "fastify";
import { GatewayError } from "../core/errors.ts";
import { requestIdOf } from "./context.ts";
import { problemOf, toGatewayError } from "./errors.ts";

interface EdgeSettings {
  publicUrl: string;
  /** deadline of a whole request, also for its bytes to arrive */
  timeoutMs: number;
  /** addresses or networks whose X-Forwarded-* is believed */
  trustedProxies?: readonly string[];
}

const maxBodyBytes = 1 << 20;

/**
 * How fastify is built at the edge: our request ids, our error bodies even for requests that never reach a
 * route, and no refusals while connections drain.
 */
export function serverOptions({
  publicUrl,
  timeoutMs,
  trustedProxies = [],
}: EdgeSettings): FastifyServerOptions {
  const body = (error: GatewayError, requestId: string) =>
    JSON.stringify(problemOf(error, requestId, publicUrl));
  return {
    genReqId: (raw: IncomingMessage) => requestIdOf(raw.headers["x-request-id"]),
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    bodyLimit: maxBodyBytes,
    requestTimeout: timeoutMs,
    // longer than the idle time of usual load balancers, so that they close first
    keepAliveTimeout: 72_000,
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      const known = toGatewayError(error);
      reply.raw.writeHead(known.row.status, { "content-type": "application/problem+json; charset=utf-8" });
      reply.raw.end(body(known, String(request.id)));
    },
    clientErrorHandler: (error, socket: Socket) => {
      if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
      const known = new GatewayError("bad-request", { detail: "the HTTP message is not well-formed" });
      const text = body(known, crypto.randomUUID());
      const status =
        error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
      socket.end(
        `HTTP/1.1 ${status}\r\ncontent-type: application/problem+json; charset=utf-8\r\n` +
          `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
      );
    },
  };
}

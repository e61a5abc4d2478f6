import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyHttpOptions } from "fastify";
import type { ErrorCode } from "../core/error-table.ts";
import { GatewayError } from "../core/errors.ts";
import { requestIdOf } from "./context.ts";
import { errorBody, unreadable } from "./errors.ts";

export interface EdgeSettings {
  publicUrl: string;
  /** deadline of a whole request, also for its bytes to arrive */
  timeoutMs: number;
  /** how long beyond it a connection may stand still: a caller that does not read its answer; absent: 30 s */
  stalledMs?: number;
  /** addresses or networks whose X-Forwarded-* is believed */
  trustedProxies?: readonly string[];
  /** absent: a balancer in front speaks https for us */
  tls?: EdgeTls | undefined;
}

/** PEM of the listener's certificate and key, and the oldest version that it speaks. */
export interface EdgeTls {
  cert: Buffer;
  key: Buffer;
  minVersion: "TLSv1.3" | "TLSv1.2";
}

const maxBodyBytes = 1 << 20;
const longestHeadersMs = 60_000;

// of TLS 1.3 all, of 1.2 those with forward secrecy and an authenticated cipher (K-14)
const cipherSuites = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
].join(":");

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
  stalledMs = 30_000,
  trustedProxies = [],
  tls,
}: EdgeSettings): FastifyHttpOptions<Server> {
  const limits = {
    headersTimeout: Math.min(longestHeadersMs, timeoutMs),
    connectionsCheckingInterval: 1_000,
    // the context refuses it, with a code
    requireHostHeader: false,
  };
  return {
    genReqId: (raw: IncomingMessage) => requestIdOf(raw.headers["x-request-id"]),
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    bodyLimit: maxBodyBytes,
    requestTimeout: timeoutMs,
    connectionTimeout: timeoutMs + stalledMs,
    // longer than the idle time of usual load balancers, so that they close first
    keepAliveTimeout: 72_000,
    return503OnClosing: false,
    ...(tls
      ? { https: { ...limits, ...tls, ciphers: cipherSuites, honorCipherOrder: true } }
      : { http: limits }),
    // on the way to no route it passes all that other wrong requests pass
    frameworkErrors: (_error, { raw, server }, reply) => {
      raw.url = unreadable(raw);
      server.routing(raw, reply.raw);
    },
    clientErrorHandler: refuseOnSocket(publicUrl),
  };
}

/** Our error body for what node could not read as a request. */
function refuseOnSocket(publicUrl: string): FastifyHttpOptions<Server>["clientErrorHandler"] {
  return (error, socket: Socket) => {
    if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
    const known = new GatewayError(connectionErrors[error.code] ?? "bad-request");
    const { status } = known.row;
    // which door was meant is not known
    const { type, text } = errorBody(known, unread(), publicUrl);
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${type}\r\n` +
        `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
    );
  };
}

const unread = () => ({ url: "/", id: crypto.randomUUID(), headers: {}, query: {}, body: undefined });

import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect as connectPlain } from "node:net";
import { join } from "node:path";
import { type ConnectionOptions, connect, type SecureVersion, type TLSSocket } from "node:tls";
import type { Patient } from "@medplum/fhirtypes";
import Fastify from "fastify";
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import { edgeOf } from "../src/edge.ts";
import { serverOptions } from "../src/plugins/server-options.ts";
import type { Channel } from "../src/upstream/channel.ts";
import { createAgent, createWireFetch } from "../src/upstream/http.ts";
import { actingWorker, snilsOf } from "./support/acting.ts";
import { startApp, type TestApp } from "./support/app.ts";
import { fhirCall } from "./support/fhir-call.ts";
import { TlsFolder } from "./support/tls-files.ts";

const folder = new TlsFolder();
const [edge, registry, us] = ["edge", "registry", "us"].map((name) => folder.make(name)) as [
  ReturnType<TlsFolder["make"]>,
  ReturnType<TlsFolder["make"]>,
  ReturnType<TlsFolder["make"]>,
];
const tokenFile = join(folder.path, "token");
const usual = getGlobalDispatcher();

/** Who came through to the state's system, as its TLS and its bearer check saw them. */
const admitted: string[] = [];
let app: TestApp;
let system: Server;

beforeAll(async () => {
  system = await startSystem();
  const systemUrl = `https://127.0.0.1:${(system.address() as AddressInfo).port}`;
  writeFileSync(tokenFile, "token-of-our-login\n");
  const channelsFile = join(folder.path, "channels.json");
  const trusting = { authoritiesFile: registry.certificateFile };
  writeFileSync(channelsFile, JSON.stringify({ frmr: { ...us, ...trusting, tokenFile }, frmo: trusting }));
  app = await startApp({
    TLS_CERTIFICATE_FILE: edge.certificateFile,
    TLS_KEY_FILE: edge.keyFile,
    UPSTREAM_CHANNELS_FILE: channelsFile,
    FRMR_URL: `${systemUrl}/frmr`,
    FRMO_URL: `${systemUrl}/frmo`,
    REGISTRY_COPIES: "",
    FRMR_CACHE_SECONDS: "0",
  });
  setGlobalDispatcher(new Agent({ connect: { ca: readFileSync(edge.certificateFile) } }));
});
afterAll(async () => {
  setGlobalDispatcher(usual);
  await app?.close();
  system?.closeAllConnections();
  system?.close();
  folder.remove();
});

/** A system of ЕГИСЗ that answers nobody without a certificate it knows and the token of a login; the sandbox is behind. */
async function startSystem(): Promise<Server> {
  const server = createServer(
    {
      cert: readFileSync(registry.certificateFile),
      key: readFileSync(registry.keyFile),
      ca: readFileSync(us.certificateFile),
      requestCert: true,
      rejectUnauthorized: true,
    },
    async (request, response) => {
      if (request.headers.authorization !== "Bearer token-of-our-login")
        return void response.writeHead(401, { "content-type": "application/json" }).end("{}");
      const socket = request.socket as TLSSocket;
      admitted.push(`${socket.getPeerCertificate().subject.CN} ${socket.getProtocol()}`);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { "content-type": type = "text/xml", soapaction = "" } = request.headers as Record<
        string,
        string
      >;
      const answer = await fetch(`${app.sandboxUrl}${request.url}`, {
        method: request.method ?? "POST",
        headers: { "content-type": type, soapaction },
        body: Buffer.concat(chunks),
      });
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
      response.end(await answer.text());
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (url: string) => Number(new URL(url).port);

/** The version and suite that a handshake of exactly this version ends with, or why there is none. */
async function handshake(port: number, version: SecureVersion, options: ConnectionOptions = {}) {
  const ca = readFileSync(edge.certificateFile);
  const versions = { minVersion: version, maxVersion: version };
  const socket = connect({ host: "127.0.0.1", port, ca, ...versions, ...options });
  try {
    await once(socket, "secureConnect");
    return `${socket.getProtocol()} ${socket.getCipher().name}`;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    socket.destroy();
  }
}

// OpenSSL itself no longer offers what is older than 1.2 unless it is told to
const asOldClient = { ciphers: "DEFAULT@SECLEVEL=0" };

describe("what callers send is encrypted", () => {
  it("Z-01, L-48 the gateway speaks TLS 1.3 and refuses 1.2, 1.1 and plain http", async () => {
    const port = portOf(app.url);
    expect((await fetch(`${app.url}/health/ready`)).status).toBe(200);
    expect(await handshake(port, "TLSv1.3")).toMatch(/^TLSv1\.3 TLS_/);
    expect(await handshake(port, "TLSv1.2")).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
    expect(await handshake(port, "TLSv1.1", asOldClient)).toMatch(/PROTOCOL_VERSION/);
    const plain = connectPlain({ host: "127.0.0.1", port });
    const heard: Buffer[] = [];
    plain.on("data", (chunk) => heard.push(chunk)).on("error", () => {});
    plain.write("GET /health/ready HTTP/1.1\r\nHost: gateway\r\n\r\n");
    await once(plain, "close");
    expect(Buffer.concat(heard).toString("latin1")).not.toContain("HTTP/1.1 2");
    const { headers } = await fetch(`${app.url}/health/live`);
    expect(headers.get("strict-transport-security")).toMatch(/^max-age=31536000/);
  });

  it("Z-01 an operator may let old client systems in by TLS 1.2, with strong suites only", async () => {
    const config = readConfig({
      TLS_CERTIFICATE_FILE: edge.certificateFile,
      TLS_KEY_FILE: edge.keyFile,
      TLS_MIN_VERSION: "TLSv1.2",
      PUBLIC_URL: "https://gateway.example.test",
    });
    const listener = Fastify(serverOptions(edgeOf(config)));
    const port = portOf(await listener.listen({ port: 0, host: "127.0.0.1" }));
    expect(await handshake(port, "TLSv1.3")).toMatch(/^TLSv1\.3/);
    expect(await handshake(port, "TLSv1.2")).toBe("TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384");
    const weak = { ciphers: "ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA256" };
    expect(await handshake(port, "TLSv1.2", weak)).toMatch(/HANDSHAKE_FAILURE/);
    expect(await handshake(port, "TLSv1.1", asOldClient)).toMatch(/PROTOCOL_VERSION/);
    await listener.close();
  });

  it("M-31 a patient's data come by TLS 1.3 only, and lie encrypted where they are kept", async () => {
    const office = await (await actingWorker(app, snilsOf.doctorTwo)).token("HOPERAT");
    const family = "Хранимова";
    const made = await fhirCall<Patient>(app, office, "POST /Patient", {
      body: { resourceType: "Patient", name: [{ family }] },
    });
    expect([made.status, made.body.name?.[0]?.family]).toEqual([201, family]);
    expect(await handshake(portOf(app.url), "TLSv1.2")).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
    const kept = await app.parts.store.db
      .selectFrom("resource_history")
      .select("content")
      .where("id", "=", String(made.body.id))
      .execute();
    expect(kept).toHaveLength(1);
    for (const { content } of kept) {
      expect(content?.length).toBeGreaterThan(50);
      expect(Buffer.from(content ?? []).includes(family)).toBe(false);
    }
  });
});

async function find(type: string, query: Record<string, string>) {
  const authorization = `Bearer ${await app.token(`system/${type}.rs`)}`;
  const answer = await fetch(`${app.url}/fhir/${type}/_search`, {
    method: "POST",
    headers: { authorization },
    body: new URLSearchParams(query),
  });
  return { status: answer.status, text: await answer.text() };
}

const findDoctor = () => find("Practitioner", { identifier: `urn:oid:1.2.643.100.3|${snilsOf.doctorTwo}` });

describe("channels to systems of ЕГИСЗ", () => {
  it("Z-01 a system that speaks no newer TLS than 1.2 is called only where its channel allows that", async () => {
    const pair = { cert: readFileSync(registry.certificateFile), key: readFileSync(registry.keyFile) };
    const old = createServer({ ...pair, maxVersion: "TLSv1.2" }, (_request, response) => response.end("{}"));
    old.listen(0, "127.0.0.1");
    await once(old, "listening");
    const called = async (channel: Channel) => {
      const agent = createAgent({ authorities: readFileSync(registry.certificateFile, "utf8"), ...channel });
      const signal = AbortSignal.timeout(5_000);
      const send = createWireFetch({ agent, clock: systemClock, signal, maxBytes: 100 });
      const url = `https://127.0.0.1:${(old.address() as AddressInfo).port}`;
      const answer = send(url).then(({ status }) => status);
      return answer.catch((error) => (error as Error).name).finally(() => agent.close());
    };
    expect(await called({})).toBe("WireFailure");
    expect(await called({ minVersion: "TLSv1.2" })).toBe(200);
    old.closeAllConnections();
    old.close();
  });

  it("Z-25 a call goes out with our certificate and the token of our login, by TLS 1.3", async () => {
    const found = await findDoctor();
    expect([found.status, found.text]).toEqual([200, expect.stringContaining('"Practitioner"')]);
    expect(admitted.at(-1)).toBe("us TLSv1.3");
  });

  it("Z-25 a call without a client certificate is refused by the system, and tells so by its code", async () => {
    const before = admitted.length;
    const refused = await find("Organization", {
      identifier: "urn:ietf:rfc:3986|urn:oid:1.2.643.5.1.13.13.12.2.77.90001",
    });
    expect(refused).toMatchObject({ status: 503, text: expect.stringContaining("upstream-unavailable") });
    expect(admitted.length).toBe(before);
  });

  it("Z-25 the token is read anew at each call: one that was taken away opens nothing more", async () => {
    writeFileSync(tokenFile, "token-that-ran-out");
    const before = admitted.length;
    const refused = await findDoctor();
    expect([refused.status >= 500, admitted.length]).toEqual([true, before]);
    writeFileSync(tokenFile, "token-of-our-login");
    expect((await findDoctor()).status).toBe(200);
  });
});

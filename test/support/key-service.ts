import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the key service does instead of answering. */
export type KeyServiceFault = "hang" | "error-500" | "malformed" | "redirect" | "large" | "short-key";

export interface TestKeyService {
  /** address of its transit engine */
  url: string;
  /** paths asked, the oldest first */
  asked: string[];
  fault: KeyServiceFault | undefined;
  /** makes the next version the latest */
  rotate(): void;
  close(): Promise<void>;
}

export const keyServiceToken = "token-with-policy";

/** The two calls of a transit engine that export keys: only the right token may read, only this key exists. */
export async function startKeyService(keyName = "cabinet-gateway"): Promise<TestKeyService> {
  const versions = [randomBytes(32).toString("base64")];
  const service: TestKeyService = {
    url: "",
    asked: [],
    fault: undefined,
    rotate: () => void versions.push(randomBytes(32).toString("base64")),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  const server = createServer((request, response) => {
    service.asked.push(request.url ?? "");
    if (service.fault) return misbehave(service.fault, response);
    if (request.headers["x-vault-token"] !== keyServiceToken)
      return answer(response, 403, { errors: ["permission denied"] });
    const found = dataOf(request);
    return found ? answer(response, 200, { data: found }) : answer(response, 404, { errors: [] });
  });
  function dataOf({ url = "" }: IncomingMessage) {
    if (url === `/v1/transit/keys/${keyName}`) return { name: keyName, latest_version: versions.length };
    const version = url.match(`^/v1/transit/export/encryption-key/${keyName}/(\\d+)$`)?.[1] ?? "";
    const key = versions[Number(version) - 1];
    return key && { name: keyName, keys: { [version]: key } };
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/transit`;
  return service;
}

function misbehave(fault: KeyServiceFault, response: ServerResponse): void {
  if (fault === "error-500") answer(response, 500, { errors: ["sealed"] });
  if (fault === "malformed") response.writeHead(200, { "content-type": "application/json" }).end("{");
  if (fault === "redirect") response.writeHead(307, { location: "http://127.0.0.1:1/elsewhere" }).end();
  if (fault === "large") answer(response, 200, { data: { filler: "x".repeat(1_000_000) } });
  if (fault === "short-key") answer(response, 200, { data: { latest_version: 1, keys: { 1: "c2hvcnQ=" } } });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

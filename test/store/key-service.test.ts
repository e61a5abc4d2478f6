import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { ManualClock } from "../../src/core/clock.ts";
import type { KeyProvider } from "../../src/crypto/envelope.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { openKeyProvider } from "../../src/key-encryption.ts";
import {
  type KeyServiceFault,
  keyServiceToken,
  startKeyService,
  type TestKeyService,
} from "../support/key-service.ts";
import { productionSettings } from "../support/production.ts";
import { projectFiles, readProjectFile } from "../support/project-files.ts";

const production = {
  ...productionSettings,
  KEY_PROVIDER: "service",
  KEY_SERVICE_URL: "https://vault.example.test/v1/transit",
};

describe("key-encryption keys of a key service", () => {
  const clock = new ManualClock();
  const keyring = createKeyring(Buffer.alloc(32, 7));
  let service: TestKeyService;
  let folder = "";
  beforeAll(async () => {
    service = await startKeyService();
    folder = await mkdtemp(join(tmpdir(), "key-service-"));
    await writeFile(join(folder, "token"), `${keyServiceToken}\n`);
    await writeFile(join(folder, "stranger"), "token-without-policy");
  });
  afterEach(() => {
    service.fault = undefined;
    service.asked.length = 0;
  });
  afterAll(async () => {
    await service.close();
    await rm(folder, { recursive: true });
  });
  const opened = (settings: Record<string, string> = {}): Promise<KeyProvider> =>
    openKeyProvider(
      readConfig({
        KEY_PROVIDER: "service",
        KEY_SERVICE_URL: service.url,
        KEY_SERVICE_TOKEN_FILE: join(folder, "token"),
        KEY_SERVICE_TIMEOUT_MS: "200",
        ...settings,
      }),
      { keyring, clock },
    );

  it("gives the latest version, and each by its id", async () => {
    const keys = await opened();
    const first = await keys.current();
    expect(first.id).toBe("cabinet-gateway-v1");
    service.rotate();
    await clock.advance(5 * 60_000 + 1);
    const second = await keys.current();
    expect(second.id).toBe("cabinet-gateway-v2");
    expect(await keys.byId(first.id)).toEqual(first.key);
    expect(second.key).not.toEqual(first.key);
  });

  it("asks once in five minutes, so a short outage stops nothing", async () => {
    const keys = await opened();
    const known = await keys.current();
    service.fault = "error-500";
    service.asked.length = 0;
    expect(await keys.current()).toEqual(known);
    expect(service.asked).toEqual([]);
    await clock.advance(5 * 60_000 + 1);
    await expect(keys.current()).rejects.toMatchObject({ code: "unknown-key" });
    await expect(keys.byId(known.id)).rejects.toMatchObject({ code: "unknown-key" });
    service.fault = undefined;
    expect(await keys.current()).toEqual(known);
  });

  it.each<KeyServiceFault>(["hang", "error-500", "malformed", "redirect", "large", "short-key"])(
    "ends %s with a code",
    async (fault) => {
      service.fault = fault;
      const code = fault === "short-key" ? "bad-key" : "unknown-key";
      await expect((await opened()).current()).rejects.toMatchObject({ name: "CryptoError", code });
    },
  );

  it("Z-03 keys come from the key service, which answers a service without the policy 403; none lies anywhere else", async () => {
    const stranger = await opened({ KEY_SERVICE_TOKEN_FILE: join(folder, "stranger") });
    await expect(stranger.current()).rejects.toThrow("HTTP 403");
    await expect(stranger.byId("cabinet-gateway-v1")).rejects.toThrow("HTTP 403");
    const refused = await fetch(`${service.url}/export/encryption-key/cabinet-gateway/1`, {
      headers: { "x-vault-token": "token-without-policy" },
    });
    expect([refused.status, await refused.text()]).toEqual([403, '{"errors":["permission denied"]}']);

    const { key } = await (await opened()).current();
    const masterKey = randomBytes(32).toString("base64");
    await writeFile(join(folder, "master.key"), masterKey);
    const environment = {
      ...production,
      MASTER_KEY_FILE: join(folder, "master.key"),
      KEY_SERVICE_TOKEN_FILE: join(folder, "token"),
    };
    const dump = JSON.stringify(environment);
    for (const secret of [Buffer.from(key), Buffer.from(masterKey, "base64")])
      for (const encoding of ["base64", "base64url", "hex"] as const)
        expect(dump).not.toContain(secret.toString(encoding));
    expect(dump).not.toContain(keyServiceToken);
    expect(readConfig(environment).KEY_PROVIDER).toBe("service");
    // production takes a key from no environment, where a dump would show it
    const named = `k1:${masterKey}`;
    for (const inSight of [
      { MASTER_KEY: masterKey },
      { MASTER_KEY_PREVIOUS: masterKey },
      { KEY_PROVIDER: "environment", KEY_ENCRYPTION_KEYS: named },
    ])
      expect(() => readConfig({ ...environment, ...inSight })).toThrow(/is refused in production/);
  });

  it("Z-03 the repository and the image hold no key", () => {
    const begins = ["-----BEGIN", "PRIVATE KEY-----"];
    const held = projectFiles().filter((path) => {
      const text = readProjectFile(path);
      const isPem = new RegExp(`${begins[0]} (?:[A-Z]+ )?${begins[1]}\\s+[A-Za-z0-9+/=]{16}`).test(text);
      const isSetting =
        /^\s*(?:export |ENV |- )?(?:MASTER_KEY|MASTER_KEY_PREVIOUS|KEY_ENCRYPTION_KEYS)\s*[=:]\s*["']?[\w:.-]*[A-Za-z0-9+/]{43}=/m.test(
          text,
        );
      return isPem || isSetting || /\.(key|p12|pfx|jks)$/.test(path);
    });
    expect(held).toEqual([]);
    const image = readProjectFile("Dockerfile");
    expect(image).not.toMatch(/^(ENV|ARG) .*(KEY|SECRET|TOKEN|PASSWORD)/m);
    expect(readProjectFile(".dockerignore").split("\n")).toContain(".data");
  });

  it("never asks for what a forged id names", async () => {
    const keys = await opened();
    for (const id of [
      "other-v1",
      "cabinet-gateway-v1/../../secret",
      "cabinet-gateway-v0",
      "cabinet-gateway-v",
      "",
    ])
      expect(await keys.byId(id)).toBeUndefined();
    expect(service.asked).toEqual([]);
    expect(await keys.byId("cabinet-gateway-v999")).toBeUndefined();
  });
});

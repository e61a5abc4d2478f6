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

  it("gives a service without the policy nothing", async () => {
    const keys = await opened({ KEY_SERVICE_TOKEN_FILE: join(folder, "stranger") });
    await expect(keys.current()).rejects.toThrow("HTTP 403");
    await expect(keys.byId("cabinet-gateway-v1")).rejects.toThrow("HTTP 403");
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

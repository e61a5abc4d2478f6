import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { productionSettings } from "../test/support/production.ts";
import { drainOf, readConfig, upstreamQuotasOf } from "./config.ts";

const folder = mkdtempSync(join(tmpdir(), "config-"));
const masterKeyFile = join(folder, "master.key");
const key = Buffer.alloc(32, 7).toString("base64");
writeFileSync(masterKeyFile, key);
afterAll(() => rmSync(folder, { recursive: true }));

const production = {
  ...productionSettings,
  MASTER_KEY_FILE: masterKeyFile,
  KEY_PROVIDER: "folder",
  KEY_FOLDER: "keys",
};

describe("configuration", () => {
  it("has a working default for every setting", () => {
    const config = readConfig({});
    expect(config).toMatchObject({ PORT: 8080, METRICS_PORT: 9464, SANDBOX_PORT: 8090, DATA_DIR: ".data" });
    expect(config.DATABASE_URL).toBeUndefined();
  });

  it("reads numbers from text and treats an empty variable as absent", () => {
    expect(readConfig({ PORT: "9000", DATABASE_URL: "" })).toMatchObject({ PORT: 9000 });
  });

  it("knows its own address when only the port is set", () => {
    expect(readConfig({}).PUBLIC_URL).toBe("http://127.0.0.1:8080");
    expect(readConfig({ PORT: "18180" }).PUBLIC_URL).toBe("http://127.0.0.1:18180");
    const tls = { TLS_KEY_FILE: "k.pem", TLS_CERTIFICATE_FILE: "c.pem" };
    expect(readConfig({ PORT: "8443", ...tls }).PUBLIC_URL).toBe("https://127.0.0.1:8443");
  });

  it("takes the slash off the end of the public address", () => {
    expect(readConfig({ PUBLIC_URL: "http://gateway.test/" }).PUBLIC_URL).toBe("http://gateway.test");
  });

  it("names each wrong setting", () => {
    expect(() => readConfig({ PORT: "many", LOG_LEVEL: "loud" })).toThrow(/PORT.*LOG_LEVEL/s);
    expect(() => readConfig({ MASTER_KEY: "c2hvcnQ=" })).toThrow(/32 bytes/);
  });

  it("reads quotas by system and refuses what is no quota", () => {
    const quotas = upstreamQuotasOf(readConfig({ UPSTREAM_QUOTAS: "frmr=10/1,nsi=600/60" }));
    expect([...quotas]).toEqual([
      ["frmr", { requests: 10, perSeconds: 1 }],
      ["nsi", { requests: 600, perSeconds: 60 }],
    ]);
    for (const wrong of ["frmr", "frmr=10", "frmr=0/1", "frmr=10/0", "frmr=1/1,", "frmr=1/1 nsi=1/1"])
      expect(() => readConfig({ UPSTREAM_QUOTAS: wrong })).toThrow(/UPSTREAM_QUOTAS/);
  });

  it("gives a balancer time to notice a leaving replica in production", () => {
    expect(drainOf(readConfig(production))).toEqual({ noticeMs: 10_000, idleMs: 10_000, limitMs: 25_000 });
    expect(drainOf(readConfig({}))).toMatchObject({ noticeMs: 0, idleMs: 0 });
    expect(drainOf(readConfig({ DRAIN_NOTICE_MS: "250", DRAIN_IDLE_MS: "99", DRAIN_SECONDS: "1" }))).toEqual({
      noticeMs: 250,
      idleMs: 99,
      limitMs: 1_000,
    });
  });

  it("starts in production with safe settings", () => {
    expect(readConfig(production).MODE).toBe("production");
  });

  it.each([
    ["MASTER_KEY_FILE", undefined, /MASTER_KEY or MASTER_KEY_FILE is required/],
    ["PUBLIC_URL", "http://cabinet.example.test", /PUBLIC_URL must be https/],
    ["TRUSTED_PROXIES", undefined, /TLS_CERTIFICATE_FILE.*TRUSTED_PROXIES/],
    ["TLS_KEY_FILE", "tls.key", /go together/],
    ["SECURITY_CONTACTS", undefined, /SECURITY_CONTACTS is required/],
    ["SECURITY_CONTACTS", "ask the desk", /SECURITY_CONTACTS/],
    ["FRMR_URL", undefined, /FRMR_URL must be an https address/],
    ["FRMR_URL", "http://frmr.example.test", /FRMR_URL must be an https address/],
    ["MASTER_KEY_FILE", "/no/such/file", /MASTER_KEY_FILE names a file/],
    ["FRMO_URL", undefined, /FRMO_URL must be an https address/],
    ["NSI_URL", undefined, /NSI_URL must be an https address/],
    ["NOTIFY_URL", undefined, /NOTIFY_URL must be an https address/],
    ["MAPPING_RELOAD", "on", /MAPPING_RELOAD=on is refused/],
    ["CLIENTS_FILE", undefined, /CLIENTS_FILE is required/],
    ["ESIA_PROVIDER", "sandbox", /invented people/],
    ["ESIA_URL", "http://esia-gateway.example.test", /ESIA_URL must be https/],
    ["ESIA_URL", undefined, /ESIA_URL is required by ESIA_PROVIDER=gateway/],
    ["ESIA_CLIENT_SECRET", undefined, /ESIA_CLIENT_SECRET is required by ESIA_PROVIDER=gateway/],
    ["MASTER_KEY", key, /MASTER_KEY is refused in production/],
    ["MASTER_KEY_PREVIOUS", key, /MASTER_KEY_PREVIOUS is refused in production/],
    ["KEY_ENCRYPTION_KEYS", `k1:${key}`, /KEY_ENCRYPTION_KEYS is refused in production/],
    ["KEY_PROVIDER", undefined, /KEY_PROVIDER=master is refused/],
    ["KEY_PROVIDER", "environment", /KEY_ENCRYPTION_KEYS is required by KEY_PROVIDER=environment/],
    ["KEY_PROVIDER", "service", /KEY_SERVICE_URL is required.*KEY_SERVICE_TOKEN_FILE is required/],
    ["KEY_FOLDER", undefined, /KEY_FOLDER is required by KEY_PROVIDER=folder/],
    ["KEY_SERVICE_URL", "http://vault.example.test/v1/transit", /KEY_SERVICE_URL must be https/],
  ])("refuses an unsafe %s in production", (name, value, message) => {
    expect(() => readConfig({ ...production, [name]: value })).toThrow(message);
  });

  it("lets production share a database without Redis only where no other replica is", () => {
    const shared = { ...production, DATABASE_URL: "postgres://db.example.test/cabinet" };
    expect(() => readConfig(shared)).toThrow(/REDIS_URL is required.*REPLICAS=one/);
    expect(readConfig({ ...shared, REPLICAS: "one" }).REPLICAS).toBe("one");
    expect(readConfig({ ...shared, REDIS_URL: "redis://redis.example.test" }).REPLICAS).toBe("several");
  });

  const direct = {
    ESIA_PROVIDER: "direct",
    ESIA_CLIENT_KEY_FILE: "key.pem",
    ESIA_CLIENT_CERTIFICATE_FILE: "certificate.pem",
    ESIA_CERTIFICATES_FILE: "esia.pem",
  };

  it.each(["https://esia.gosuslugi.ru", "https://ESIA.gosuslugi.ru:443/"])(
    "refuses the direct protocol to the production host %s in any mode",
    (ESIA_URL) => {
      expect(() => readConfig({ ...direct, ESIA_URL })).toThrow(/signs in TypeScript/);
      expect(() => readConfig({ ...production, ...direct, ESIA_URL })).toThrow(/signs in TypeScript/);
    },
  );

  it("lets the direct protocol speak to the test environment", () => {
    const ESIA_URL = "https://esia-portal1.test.gosuslugi.ru";
    expect(readConfig({ ...direct, ESIA_URL }).ESIA_PROVIDER).toBe("direct");
    expect(() => readConfig({ ...direct, ESIA_URL, ESIA_CERTIFICATES_FILE: "" })).toThrow(
      /ESIA_CERTIFICATES_FILE is required/,
    );
  });
});

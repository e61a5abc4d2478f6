import { describe, expect, it } from "vitest";
import { readConfig } from "./config.ts";

const production = {
  MODE: "production",
  MASTER_KEY: Buffer.alloc(32, 7).toString("base64"),
  PUBLIC_URL: "https://cabinet.example.test",
  FRMR_URL: "https://frmr.example.test/ws",
  FRMO_URL: "https://frmo.example.test",
  NSI_URL: "https://nsi.example.test",
  CLIENTS_FILE: "clients.json",
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

  it("names each wrong setting", () => {
    expect(() => readConfig({ PORT: "many", LOG_LEVEL: "loud" })).toThrow(/PORT.*LOG_LEVEL/s);
  });

  it("starts in production with safe settings", () => {
    expect(readConfig(production).MODE).toBe("production");
  });

  it.each([
    ["MASTER_KEY", undefined, /MASTER_KEY or MASTER_KEY_FILE is required/],
    ["MASTER_KEY", "c2hvcnQ=", /32 bytes/],
    ["PUBLIC_URL", "http://cabinet.example.test", /PUBLIC_URL must be https/],
    ["FRMR_URL", undefined, /FRMR_URL is required/],
    ["FRMO_URL", undefined, /FRMO_URL is required/],
    ["NSI_URL", undefined, /NSI_URL is required/],
    ["CLIENTS_FILE", undefined, /CLIENTS_FILE is required/],
  ])("refuses an unsafe %s in production", (name, value, message) => {
    expect(() => readConfig({ ...production, [name]: value })).toThrow(message);
  });
});

import { describe, expect, it } from "vitest";
import { createCrl } from "../../test/support/crl-builder.ts";
import { authority, hour, issue, later, now } from "../../test/support/signature-world.ts";
import { CryptoError } from "./errors.ts";
import { RevocationClient } from "./revocation-client.ts";

describe("revocation client", () => {
  const crl = async () => {
    const root = await issue({ subject: { commonName: "Корневой УЦ" }, ...authority }, "p-256");
    return createCrl(
      { issuer: root.certificate, thisUpdate: later(-hour), nextUpdate: later(hour), number: 1, revoked: [] },
      root.signer,
    );
  };

  const state = {
    status: "good",
    producedAt: later(-hour),
    thisUpdate: later(-hour),
    nextUpdate: later(hour),
  } as const;

  it("asks allowed hosts only", async () => {
    const asked: string[] = [];
    const list = await crl();
    const client = new RevocationClient({
      allowedHosts: ["ca.test", "ca.test:8080"],
      now: () => now.getTime(),
      network: async (url) => {
        asked.push(url.href);
        return list;
      },
    });
    for (const url of [
      "http://evil.test/ca.crl",
      "http://169.254.169.254/latest",
      "http://ca.test.evil.test/",
      "http://ca.test@evil.test/",
      "http://user@ca.test/",
      "file:///etc/passwd",
      "ldap://ca.test/",
      "not a url",
    ]) {
      await expect(client.fetch(url)).rejects.toMatchObject({ code: "revocation-refused" });
    }
    expect(asked).toEqual([]);
    await client.fetch("http://CA.test/ca.crl");
    expect(asked).toEqual(["http://ca.test/ca.crl"]);
  });

  it("keeps an answer while it lives, states its age, and joins questions asked at once", async () => {
    let time = now.getTime();
    let asked = 0;
    const list = await crl();
    const client = new RevocationClient({
      allowedHosts: ["ca.test"],
      maxAgeSeconds: 600,
      now: () => time,
      network: async () => {
        asked += 1;
        return list;
      },
    });
    const url = "http://ca.test/ca.crl";
    await Promise.all([client.fetch(url), client.fetch(url)]);
    expect(asked).toBe(1);
    await client.keep({ url, bytes: list, state });
    time += 599_000;
    expect(await client.fetch(url)).toEqual({ bytes: list, ageSeconds: 599, isKept: true });
    expect(asked).toBe(1);
    time += 1000;
    expect(await client.fetch(url)).toEqual({ bytes: list, ageSeconds: 0, isKept: false });
    expect(asked).toBe(2);
    time = later(hour).getTime();
    await client.fetch(url);
    await client.keep({ url, bytes: list, state });
    await client.fetch(url);
    expect(asked).toBe(4);
  });

  it("refuses an answer over the limit, and keeps neither failures nor what nobody verified", async () => {
    const answers = [new Error("connection refused"), Buffer.from("<html>502</html>"), await crl()];
    const client = new RevocationClient({
      allowedHosts: ["ca.test"],
      now: () => now.getTime(),
      maxBytes: 400,
      network: async (_, { maxBytes }) => {
        expect(maxBytes).toBe(400);
        const answer = answers.shift() ?? new Uint8Array(401);
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
    const url = "http://ca.test/ca.crl";
    await expect(client.fetch(url)).rejects.toMatchObject({ code: "revocation-unavailable" });
    expect((await client.fetch(url)).isKept).toBe(false);
    await expect(client.fetch(url, undefined, true)).rejects.toBeInstanceOf(CryptoError);
    expect((await client.fetch(url)).bytes.length).toBeGreaterThan(100);
    await expect(client.fetch(`${url}?2`)).rejects.toMatchObject({ code: "revocation-refused" });
  });
});

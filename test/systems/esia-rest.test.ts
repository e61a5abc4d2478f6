import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { verifyMessage } from "../../src/crypto/keys.ts";
import { certificatePublicKey, parseCertificate } from "../../src/crypto/x509.ts";
import type { Person } from "../../src/systems/sandbox-world.ts";
import { claimsOf, locationOf, partOf, type RunningEsia, startEsia } from "../support/esia-sandbox.ts";
import { authorization, codeExchange } from "../support/esia-system.ts";

let esia: RunningEsia;
beforeAll(async () => {
  esia = await startEsia();
});
afterAll(() => esia.sandbox.close());
afterEach(() => esia.calm());

interface List {
  stateFacts: string[];
  size: number;
  elements: unknown[];
}

/** Signs the persona in with these scopes; answers a reader of paths below its card. */
async function readerOf(persona: string, scope: string) {
  const { access_token } = await esia.signIn(persona, { scope });
  const oid = claimsOf(access_token)["urn:esia:sbj_id"];
  const headers = { authorization: `Bearer ${access_token}` };
  return {
    headers,
    read: async (path = "") => {
      const answer = await esia.get(`/rs/prns/${oid}${path}`, headers);
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> & List };
    },
  };
}

const tag = expect.stringMatching(/^[0-9A-F]{40}$/);

describe("REST of ESIA", () => {
  it("shows only the fields whose scope was granted", async () => {
    const everything = "fullname birthdate birthplace gender citizenship snils inn id_doc";
    const { body } = await (await readerOf("nomiddle", everything)).read();
    expect(body).toEqual({
      stateFacts: ["EntityRoot"],
      firstName: "Александр",
      lastName: "Ли",
      birthDate: "08.08.1987",
      birthPlace: "г Тестовый",
      gender: "M",
      citizenship: "KAZ",
      snils: "900-000-012 85",
      inn: "779990001270",
      rIdDoc: expect.any(Number),
      trusted: true,
      updatedOn: 1795200000,
      status: "REGISTERED",
      verifying: false,
      containsUpCfmCode: false,
      eTag: tag,
    });
    const bare = (await (await readerOf("nomiddle", "openid")).read()).body;
    expect(Object.keys(bare)).toEqual(
      "stateFacts trusted updatedOn status verifying containsUpCfmCode eTag".split(" "),
    );
    expect((await (await readerOf("simple", "openid snils")).read()).body).toMatchObject({ trusted: false });
  });

  it("gives a collection as links that lead to its elements", async () => {
    const { read, headers } = await readerOf("doctor", "email mobile");
    const { body } = await read("/ctts");
    expect(body).toMatchObject({ stateFacts: ["hasSize"], size: 2, eTag: tag });
    const contacts = await Promise.all(
      body.elements.map(async (link) => (await fetch(String(link), { headers })).json()),
    );
    const id = expect.any(Number);
    expect(contacts).toEqual([
      {
        stateFacts: ["Identifiable"],
        id,
        type: "EML",
        vrfStu: "VERIFIED",
        value: "doctor@example.org",
        eTag: tag,
      },
      {
        stateFacts: ["Identifiable"],
        id,
        type: "MBT",
        vrfStu: "VERIFIED",
        value: "+7(999)0000001",
        eTag: tag,
      },
    ]);
    expect((await read("/ctts/1")).status).toBe(404);
  });

  it("gives elements inline on request, of the person's collections too", async () => {
    const { read } = await readerOf("doctor", "fullname id_doc email addresses");
    const documents = (await read("/docs?embed=(elements)")).body;
    expect(documents).toMatchObject({ size: 1, stateFacts: ["hasSize"] });
    expect(documents.elements[0]).toEqual({
      stateFacts: ["EntityRoot"],
      id: (await read()).body["rIdDoc"],
      type: "RF_PASSPORT",
      vrfStu: "VERIFIED",
      series: "9900",
      number: "000001",
      issueDate: "02.02.2015",
      issueId: "990099",
      issuedBy: "ТЕСТОВЫЙ ОТДЕЛ",
      fmsValid: true,
      eTag: tag,
    });
    const embed = "%28contacts.elements-1,documents.elements,addresses.elements,vehicles.elements%29";
    const card = (await read(`?embed=${embed}`)).body;
    expect(card).toMatchObject({ lastName: "Врачев", documents, addresses: { size: 1 } });
    // the mobile scope was not asked, vehicles neither
    expect(card["contacts"]).toMatchObject({ size: 1, elements: [{ type: "EML" }] });
    expect(card).not.toHaveProperty("vehicles");
  });

  it.each([
    ["kid", "birth_cert_doc", "RF_BRTH_CERT"],
    ["nomiddle", "id_doc", "FID_DOC"],
  ])("gives %s a document of its kind", async (persona, scope, type) => {
    const { body } = await (await readerOf(persona, scope)).read("/docs?embed=(elements)");
    expect(body.elements).toMatchObject([{ type }]);
  });

  it("says where a person is employed, blocked employees included", async () => {
    const { body } = await (await readerOf("doctor-two", "usr_org")).read("/roles");
    expect(body).toMatchObject({ stateFacts: ["hasSize"], size: 2 });
    expect(body.elements[0]).toEqual({
      oid: 1000000001,
      prnOid: 1000300891,
      fullName: "ГБУЗ «Тестовая городская поликлиника № 1»",
      shortName: "ГБУЗ «Тестовая городская поликлиника № 1»",
      ogrn: "1207799000012",
      type: "AGENCY",
      chief: false,
      admin: false,
      phone: "+7(999)0010001",
      email: "work-doctor-two@example.org",
      active: true,
      hasRightOfSubstitution: false,
      hasApprovalTabAccess: false,
      isLiquidated: false,
    });
    const rolesOf = async (persona: string) =>
      (await (await readerOf(persona, "usr_org")).read("/roles")).body.elements;
    expect(await rolesOf("blocked")).toMatchObject([{ active: false }]);
    expect(await rolesOf("chief")).toMatchObject([{ chief: true, admin: true }]);
    expect(await rolesOf("norole")).toEqual([]);
    const { read } = await readerOf("doctor-two", "usr_org");
    expect((await read("/orgs")).body.elements).toEqual([
      `${esia.base}/rs/orgs/1000000001`,
      `${esia.base}/rs/orgs/1000000002`,
    ]);
  });

  it("shows a parent the child's card by the kid scopes", async () => {
    const { read } = await readerOf("citizen", "kid_fullname kid_birthdate");
    const { body } = await read("/kids?embed=(elements)");
    expect(body.elements).toMatchObject([{ firstName: "Миша", birthDate: "01.06.2015" }]);
    expect(body.elements[0]).not.toHaveProperty("snils");
    expect(body.elements[0]).not.toHaveProperty("gender");
  });

  it("refuses an unknown token, an expired one, other persons and collections without their scope", async () => {
    const { access_token } = await esia.signIn("doctor");
    const ask = async (path: string, authorization = `Bearer ${access_token}`) => {
      const answer = await esia.get(path, { authorization });
      return [answer.status, await answer.json()];
    };
    const invalid = { code: "ESIA-005011", message: "SecurityErrorEnum.invalidToken" };
    expect(await ask("/rs/prns/1000300890", "Bearer x.y.z")).toEqual([401, invalid]);
    expect(await ask("/rs/prns/1000300890", "Basic eA==")).toEqual([401, invalid]);
    const scope = { code: "ESIA-005029", message: "SecurityErrorEnum.scopeNotAllowed" };
    for (const path of [
      "/rs/prns/1000300891",
      "/rs/prns/1000300890/roles",
      "/rs/prns/1000300890/docs",
      "/rs/orgs/1000000001",
    ])
      expect(await ask(path)).toEqual([403, scope]);
    await esia.clock.advance(3_600_000);
    const expired = [{ code: "ESIA-005013", message: "SecurityErrorEnum.expiredToken" }];
    expect(await ask("/rs/prns/1000300890")).toEqual([401, expired]);
  });

  it("shows what changed in the world after the sign-in", async () => {
    const { read } = await readerOf("doctor", "fullname usr_org");
    const world = (await (await fetch(`${esia.control}/_world`)).json()) as { people: Person[] };
    const doctor = world.people.find(({ id }) => id === "doctor");
    await esia.tell("/_world", {
      people: [{ ...doctor, family: "Новый", esia: { ...doctor?.esia, roles: [] } }],
    });
    expect((await read()).body).toMatchObject({ lastName: "Новый" });
    expect((await read("/roles")).body.size).toBe(0);
  });
});

describe("scenarios of ESIA", () => {
  const play = async (scenario: string) => {
    const { asked, code } = await esia.codeFor("doctor", { scope: "openid fullname" });
    await esia.order(scenario);
    return esia.te(codeExchange(esia.system, esia.clock.now(), asked, { code }));
  };
  const isSignedBy = (der: Uint8Array | undefined, token: string) => {
    const [header, payload, signature = ""] = token.split(".");
    const key = certificatePublicKey(parseCertificate(der ?? new Uint8Array()));
    const text = Buffer.from(`${header}.${payload}`);
    return verifyMessage(key, "rsa-sha256", text, Buffer.from(signature, "base64url"));
  };

  it("wrong-signature and expired-certificate sign with other keys", async () => {
    const [current] = esia.sandbox.esia.certificates;
    const [outdated] = await esia.sandbox.esia.expiredCertificates();
    const stranger = await play("wrong-signature");
    expect([current, outdated].map((der) => isSignedBy(der, stranger.id_token))).toEqual([false, false]);
    const late = await play("expired-certificate");
    expect([current, outdated].map((der) => isSignedBy(der, late.id_token))).toEqual([false, true]);
    const { notAfter } = parseCertificate(outdated ?? new Uint8Array());
    expect(notAfter.getTime()).toBeLessThan(esia.clock.now());
  });

  it("alg-none signs nothing, swapped-sbt exchanges the kinds", async () => {
    const { access_token } = await play("alg-none");
    expect(partOf(access_token, 0)).toBe('{"ver":1,"typ":"JWT","sbt":"access","alg":"none"}');
    expect(access_token.endsWith(".")).toBe(true);
    const swapped = await play("swapped-sbt");
    expect(partOf(swapped.access_token, 0)).toContain('"sbt":"id"');
    expect(partOf(swapped.id_token, 0)).toContain('"sbt":"access"');
  });

  it("foreign-client, wrong-issuer and other-subject change a claim under a true signature", async () => {
    const [current] = esia.sandbox.esia.certificates;
    const foreign = await play("foreign-client");
    expect(claimsOf(foreign.access_token)["client_id"]).toBe("OTHER01");
    expect(claimsOf(foreign.id_token)["aud"]).toBe("OTHER01");
    const issuer = await play("wrong-issuer");
    expect(claimsOf(issuer.id_token)["iss"]).toBe("http://esia.example.org/");
    const subject = await play("other-subject");
    expect(claimsOf(subject.id_token)["sub"]).not.toBe(claimsOf(subject.access_token)["urn:esia:sbj_id"]);
    for (const { id_token } of [foreign, issuer, subject]) expect(isSignedBy(current, id_token)).toBe(true);
  });

  it("token clocks run 15 minutes ahead or behind", async () => {
    const nbf = async (scenario: string) => Number(claimsOf((await play(scenario)).id_token)["nbf"]);
    const now = esia.clock.now() / 1000;
    expect(await nbf("token-clock-ahead")).toBe(now + 900);
    expect(await nbf("token-clock-behind")).toBe(now - 900);
  });

  it("scopes-missing leaves a card without fields, token-expired a token that has run out", async () => {
    const { access_token } = await play("scopes-missing");
    expect(claimsOf(access_token)["scope"]).toBe("openid");
    const read = async () => {
      const answer = await esia.get("/rs/prns/1000300890", { authorization: `Bearer ${access_token}` });
      return [answer.status, await answer.json()] as [number, object];
    };
    expect((await read())[1]).not.toHaveProperty("lastName");
    await esia.order("token-expired");
    expect(await read()).toEqual([401, [expect.objectContaining({ code: "ESIA-005013" })]]);
  });

  it("replayed-code and wrong-state spoil the exchange", async () => {
    expect((await play("replayed-code")).error_description).toMatch(/^ESIA-007011/);
    const { asked, code } = await esia.codeFor("doctor");
    await esia.order("wrong-state");
    const exchange = codeExchange(esia.system, esia.clock.now(), asked, { code });
    const answer = await esia.te(exchange);
    expect([answer.status, answer.state === exchange["state"]]).toEqual([200, false]);
  });

  it("any code of the table comes on order, where it was ordered", async () => {
    await esia.order("esia-007008");
    const asked = authorization(esia.system, esia.clock.now());
    const refused = locationOf(await esia.ac(asked)).searchParams;
    expect([refused.get("error"), refused.get("error_description")?.slice(0, 11)]).toEqual([
      "temporarily_unavailable",
      "ESIA-007008",
    ]);
    const { asked: again, code } = await esia.codeFor("doctor");
    await esia.order("esia-007005", "/aas/oauth2/v3/te");
    expect((await esia.codeFor("nurse")).code).toBeTruthy();
    const answer = await esia.te(codeExchange(esia.system, esia.clock.now(), again, { code }));
    expect(answer).toMatchObject({
      error: "unauthorized_client",
      error_description: expect.stringMatching(/^ESIA-007005/),
    });
  });

  it("a proxy's page comes instead of tokens, and the code is still good", async () => {
    const { asked, code } = await esia.codeFor("doctor");
    await esia.order("html-502", "/aas/oauth2/v3/te");
    const exchange = codeExchange(esia.system, esia.clock.now(), asked, { code });
    const broken = await esia.form("/aas/oauth2/v3/te", exchange);
    expect([broken.status, await broken.text()]).toEqual([502, expect.stringContaining("<html>")]);
    expect((await esia.te(exchange)).status).toBe(200);
  });

  it("logout-hang never answers", async () => {
    await esia.order("logout-hang");
    const hung = fetch(`${esia.base}/idp/ext/Logout?client_id=MISCAB01`, {
      signal: AbortSignal.timeout(300),
    });
    await expect(hung).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

import { describe, expect, it } from "vitest";
import { CryptoError } from "./errors.ts";
import { generatePrivateKey, publicKeyOf } from "./keys.ts";
import { keySigner } from "./signer.ts";
import { signXml, verifyXmlSignature } from "./xmldsig.ts";

const WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const soap = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:wsu="${WSU}"><s:Header><h/></s:Header><s:Body wsu:Id="OGRN_1027700132195"><row wsu:Id="ELN_900000000001"><c>данные &amp; ещё</c></row></s:Body></s:Envelope>`;

const keys = {
  "CryptoPro-A": generatePrivateKey("CryptoPro-A"),
  "TC26-512-A": generatePrivateKey("TC26-512-A"),
  "rsa-2048": generatePrivateKey("rsa-2048"),
};
const gost = keys["CryptoPro-A"];
const key = publicKeyOf(gost);
const place = { xpath: "//*[local-name(.)='Header']", action: "append" } as const;
const sign = (xml: string, id: string) =>
  signXml(xml, keySigner(gost), { ids: [id], wsSecurity: true, place });

describe.each(Object.keys(keys) as (keyof typeof keys)[])("XML signatures with %s", (kind) => {
  it("signs and accepts a whole document and one element, and gives back what is signed", async () => {
    const signer = keySigner(keys[kind]);
    const own = publicKeyOf(keys[kind]);
    const whole = await signXml("<a><b>текст</b></a>", signer);
    const check = verifyXmlSignature({ xml: whole, id: "", key: own });
    expect(check).toEqual({ valid: true, signed: new Map([["", "<a><b>текст</b></a>"]]) });

    const part = await signXml(soap, signer, { ids: ["ELN_900000000001"], wsSecurity: true, place });
    const result = verifyXmlSignature({ xml: part, id: "ELN_900000000001", key: own });
    expect(result.valid && result.signed.get("ELN_900000000001")).toContain("данные &amp; ещё");
  });
});

describe("XML signatures", () => {
  it("writes the addresses that the state's systems expect", async () => {
    const xml = await sign(soap, "ELN_900000000001");
    expect(xml).toContain("urn:ietf:params:xml:ns:cpxmlsec:algorithms:gostr34102012-gostr34112012-256");
    expect(xml).toContain('"urn:ietf:params:xml:ns:cpxmlsec:algorithms:gostr34112012-256"');
    expect(xml).toContain('URI="#ELN_900000000001"');
    const [value] = /<ds:SignatureValue>([^<]+)/.exec(xml)?.slice(1) ?? [];
    expect(Buffer.from(value ?? "", "base64").length).toBe(64);
  });

  it("accepts the other spelling of the addresses", async () => {
    const signer = keySigner(gost);
    const respelled = {
      ...signer,
      sign: (info: Uint8Array) => signer.sign(Buffer.from(respell(Buffer.from(info).toString()))),
    };
    const xml = await signXml("<a/>", respelled);
    expect(verifyXmlSignature({ xml: respell(xml), id: "", key })).toMatchObject({ valid: true });
    expect(verifyXmlSignature({ xml, id: "", key })).toEqual({ valid: false, reason: "value" });
  });

  it("keeps nested signatures valid when an outer element is signed later", async () => {
    const inner = await sign(soap, "ELN_900000000001");
    const outer = await sign(inner, "OGRN_1027700132195");
    for (const id of ["ELN_900000000001", "OGRN_1027700132195"]) {
      expect(verifyXmlSignature({ xml: outer, id, key })).toMatchObject({ valid: true });
    }
  });

  it("refuses a changed element, a changed value and another key, each by its own reason", async () => {
    const id = "ELN_900000000001";
    const xml = await sign(soap, id);
    expect(verifyXmlSignature({ xml: xml.replace("данные", "Данные"), id, key })).toEqual({
      valid: false,
      reason: "content-differs",
    });
    const changed = xml.replace(
      /<ds:SignatureValue>(.)/,
      (_, first) => `<ds:SignatureValue>${first === "A" ? "B" : "A"}`,
    );
    expect(verifyXmlSignature({ xml: changed, id, key })).toEqual({ valid: false, reason: "value" });
    const other = publicKeyOf(generatePrivateKey("CryptoPro-A"));
    expect(verifyXmlSignature({ xml, id, key: other })).toEqual({ valid: false, reason: "value" });
    const rsa = publicKeyOf(keys["rsa-2048"]);
    expect(verifyXmlSignature({ xml, id, key: rsa })).toEqual({ valid: false, reason: "value" });
  });

  it("refuses wrapping: the signed element moved aside and another put in its place", async () => {
    const id = "ELN_900000000001";
    const xml = await sign(soap, id);
    const [row = ""] = /<row .*<\/row>/.exec(xml) ?? [];
    const evil = row.replace("данные", "чужое");
    const doubled = xml.replace(row, evil).replace("<h/>", `<h>${row}</h>`);
    expect(verifyXmlSignature({ xml: doubled, id, key }).valid).toBe(false);
    const renamed = xml.replace(row, evil.replace(id, "ELN_2")).replace("<h/>", `<h>${row}</h>`);
    const check = verifyXmlSignature({ xml: renamed, id, key });
    expect(check.valid && check.signed.get(id)).not.toContain("чужое");
    expect(verifyXmlSignature({ xml: renamed, id: "ELN_2", key })).toEqual({
      valid: false,
      reason: "absent",
    });
  });

  it("refuses an absent signature, two over one element, and methods outside the list", async () => {
    const id = "ELN_900000000001";
    const xml = await sign(soap, id);
    expect(verifyXmlSignature({ xml: soap, id, key })).toEqual({ valid: false, reason: "absent" });
    const [signature = ""] = /<ds:Signature .*<\/ds:Signature>/.exec(xml) ?? [];
    expect(verifyXmlSignature({ xml: xml.replace("<h/>", signature), id, key })).toEqual({
      valid: false,
      reason: "ambiguous",
    });
    const sha1 = xml.replace(
      "urn:ietf:params:xml:ns:cpxmlsec:algorithms:gostr34112012-256",
      "http://www.w3.org/2000/09/xmldsig#sha1",
    );
    expect(verifyXmlSignature({ xml: sha1, id, key })).toEqual({ valid: false, reason: "format" });
    const hmac = xml.replace(
      /SignatureMethod Algorithm="[^"]+"/,
      'SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"',
    );
    expect(verifyXmlSignature({ xml: hmac, id, key })).toEqual({ valid: false, reason: "format" });
    expect(() => verifyXmlSignature({ xml: "<a", id, key })).toThrow(CryptoError);
  });

  it("applies a transform of the caller after canonicalization on both sides", async () => {
    const uri = "urn://smev-gov-ru/xmldsig/transform";
    const transforms = { [uri]: (xml: string) => xml.replaceAll(/>\s+</g, "><") };
    const xml = await signXml(`<a Id="x"><b/></a>`, keySigner(gost), {
      ids: ["x"],
      place: { xpath: "/*", action: "append" },
      extraTransforms: ["http://www.w3.org/2000/09/xmldsig#enveloped-signature"],
    });
    expect(verifyXmlSignature({ xml, id: "x", key })).toMatchObject({ valid: true });
    const spaced = await signXml(`<r><a Id="x"> <b/> </a></r>`, keySigner(gost), {
      ids: ["x"],
      extraTransforms: [uri],
      transforms,
    });
    const squeezed = spaced.replace("> <b/> <", "><b/><");
    expect(verifyXmlSignature({ xml: squeezed, id: "x", key, transforms })).toMatchObject({ valid: true });
    expect(verifyXmlSignature({ xml: squeezed, id: "x", key })).toEqual({ valid: false, reason: "format" });
  });

  it("passes on the error of a signer and refuses a document without the element", async () => {
    const failing = { ...keySigner(gost), sign: () => Promise.reject(new Error("token removed")) };
    await expect(signXml("<a/>", failing)).rejects.toMatchObject({ cause: { message: "token removed" } });
    await expect(signXml("<a/>", keySigner(gost), { ids: ["none"] })).rejects.toBeInstanceOf(CryptoError);
    await expect(signXml("<a/>", keySigner(generatePrivateKey("p-256")))).rejects.toThrow(/no form/);
  });
});

function respell(xml: string): string {
  return xml.replaceAll(
    "urn:ietf:params:xml:ns:cpxmlsec:algorithms:",
    "http://www.w3.org/2001/04/xmldsig-more#",
  );
}

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { codes, doctorTemplate, issue, type Party } from "../../test/support/signature-world.ts";
import { checkXmlContainer, isXmlContainer } from "./xml-container.ts";
import { signXml } from "./xmldsig.ts";

const prepared = `<?xml version="1.0" encoding="UTF-8"?>
<d:ClinicalDocument xmlns:d="urn:hl7-org:v3" Id="doc"><d:title>Заключение &amp; план</d:title></d:ClinicalDocument>`;
const content = Buffer.from(prepared);
const detachedOf = (xml: string) => /<ds:Signature[\s\S]*<\/ds:Signature>/.exec(xml)?.[0] ?? "";

describe.each(["CryptoPro-A", "TC26-512-A", "rsa-2048"] as const)("an XML signature by %s", (kind) => {
  let doctor: Party;
  let enveloped: string;
  let byId: string;

  beforeAll(async () => {
    doctor = await issue(doctorTemplate, kind);
    const der = Buffer.from(doctor.certificate.der).toString("base64");
    const keyInfo = `<ds:X509Data><ds:X509Certificate>${der}</ds:X509Certificate></ds:X509Data>`;
    enveloped = await signXml(prepared, doctor.signer, { keyInfo });
    byId = await signXml(`<w>${prepared.slice(prepared.indexOf("<d:"))}</w>`, doctor.signer, {
      ids: ["doc"],
      keyInfo,
    });
  });

  const check = (xml: string, bytes = content) => checkXmlContainer(Buffer.from(xml), bytes);

  it("is accepted over the whole document, enveloped and detached", () => {
    for (const container of [enveloped, detachedOf(byId)]) {
      const found = check(container);
      expect(codes(found)).toEqual([]);
      expect(found.certificate?.serialNumber).toBe(doctor.certificate.serialNumber);
      expect(isXmlContainer(Buffer.from(container))).toBe(true);
    }
  });

  it("E-12 any changed sign of the document or of what is signed of it breaks it, and nothing throws", () => {
    for (const container of [enveloped, detachedOf(byId)]) {
      const signed = [...container].flatMap((_, at) => (isSigned(container, at) ? [at] : []));
      fc.assert(
        fc.property(fc.constantFrom(...signed), fc.constantFrom("a", "Z", "0", "<", "é"), (at, sign) => {
          const changed = `${container.slice(0, at)}${sign}${container.slice(at + 1)}`;
          expect(changed === container || check(changed).problems.length > 0).toBe(true);
        }),
        { numRuns: 60 },
      );
    }
    for (const at of [60, 140, 160]) {
      const other = Buffer.from(content);
      other[at] = (other[at] ?? 0) ^ 1;
      expect(codes(check(enveloped, other)).length).toBeGreaterThan(0);
    }
  });

  it("E-12 any flipped bit of the value breaks it", () => {
    const [written = ""] = /(?<=<ds:SignatureValue>)[^<]+/.exec(enveloped) ?? [];
    const value = Buffer.from(written, "base64");
    fc.assert(
      fc.property(fc.nat(value.length * 8 - 1), (bit) => {
        const flipped = Buffer.from(value);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(codes(check(enveloped.replace(written, flipped.toString("base64"))))).toEqual(["value"]);
      }),
      { numRuns: 20 },
    );
  });

  it("of another document, of a part, or of a copy in a wrapper differs from what was prepared", async () => {
    expect(codes(check(enveloped, Buffer.from(prepared.replace("план", "счёт"))))).toEqual([
      "content-differs",
    ]);
    const part = await signXml('<a><b Id="b">x</b></a>', doctor.signer, {
      ids: ["b"],
      keyInfo: /<ds:X509Data>[\s\S]*<\/ds:X509Data>/.exec(enveloped)?.[0],
    });
    expect(codes(check(part, Buffer.from('<a><b Id="b">x</b></a>')))).toEqual(["content-differs"]);
  });

  it("that is none, several, without a certificate, or in a document type is refused by its cause", () => {
    expect(codes(check(prepared))).toEqual(["format"]);
    expect(codes(check("<a"))).toEqual(["format"]);
    expect(codes(check(`<!DOCTYPE a [<!ENTITY e "x">]>${enveloped}`))).toEqual(["format"]);
    const twice = enveloped.replace("</d:ClinicalDocument>", `${detachedOf(byId)}</d:ClinicalDocument>`);
    expect(codes(check(twice))).toEqual(["several-certificates"]);
    expect(codes(check(enveloped.replace(/<ds:KeyInfo>.*<\/ds:KeyInfo>/s, "")))).toEqual(["certificate"]);
    const value = enveloped.replace(
      /<ds:SignatureValue>(.)/,
      (_, first) => `<ds:SignatureValue>${first === "A" ? "B" : "A"}`,
    );
    expect(codes(check(value))).toEqual(["value"]);
    const sha1 = enveloped.replaceAll(/DigestMethod Algorithm="[^"]+"/g, 'DigestMethod Algorithm="urn:sha1"');
    expect(codes(check(sha1))).toEqual(["format"]);
  });
});

/** Whether a sign is of what the signature covers: not of the XML declaration, the value, KeyInfo, or the last end tags. */
function isSigned(container: string, at: number): boolean {
  if (container.startsWith("<?xml") && at < container.indexOf("?>") + 3) return false;
  return at < container.indexOf("<ds:SignatureValue>");
}

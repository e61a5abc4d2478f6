import type { Bundle, Patient, Resource } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import { GatewayError } from "../core/errors.ts";
import { XmlError } from "../xml/error.ts";
import { jsonOfXml, resourceOfXml, xmlOfJson, xmlOfResource } from "./xml-codec.ts";

const patientXml = `<?xml version="1.0" encoding="UTF-8"?>
<Patient xmlns="http://hl7.org/fhir"><id value="p1"/><meta><versionId value="3"/></meta><text id="t"><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml" class="a">Врачев &lt; <b>И.</b> &amp; <img src="#1" alt=""/></div></text><contained><Organization><id value="o"/><name value="ГБУЗ"/></Organization></contained><extension url="urn:x"><valueDecimal value="1.50"/></extension><active value="true"/><name><family id="f" value="Врачев"/><given value="Иван"><extension url="urn:g"><valueBoolean value="false"/></extension></given><given><extension url="urn:absent"><valueCode value="unknown"/></extension></given><given value="Ян"/></name><birthDate><extension url="urn:b"><valueString value="около 1985"/></extension></birthDate><multipleBirthInteger value="2"/></Patient>`;

const patientJson = {
  resourceType: "Patient",
  id: "p1",
  meta: { versionId: "3" },
  text: {
    id: "t",
    status: "generated",
    div: `<div xmlns="http://www.w3.org/1999/xhtml" class="a">Врачев &lt; <b>И.</b> &amp; <img src="#1" alt=""/></div>`,
  },
  contained: [{ resourceType: "Organization", id: "o", name: "ГБУЗ" }],
  extension: [{ url: "urn:x", valueDecimal: 1.5 }],
  active: true,
  name: [
    {
      family: "Врачев",
      _family: { id: "f" },
      given: ["Иван", null, "Ян"],
      _given: [
        { extension: [{ url: "urn:g", valueBoolean: false }] },
        { extension: [{ url: "urn:absent", valueCode: "unknown" }] },
        null,
      ],
    },
  ],
  _birthDate: { extension: [{ url: "urn:b", valueString: "около 1985" }] },
  multipleBirthInteger: 2,
};

function refusal(work: () => unknown): GatewayError {
  try {
    work();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("accepted");
}

const xmlRefusal = (body: string) =>
  refusal(() => resourceOfXml(`<Patient xmlns="http://hl7.org/fhir">${body}</Patient>`));
const jsonRefusal = (rest: object) =>
  refusal(() => xmlOfResource({ resourceType: "Patient", ...rest } as Resource));

describe("FHIR XML and JSON", () => {
  it("turn into each other: primitives with id and extension, narrative, contained resources, choices", () => {
    expect(resourceOfXml(patientXml)).toEqual(patientJson);
    expect(xmlOfJson(jsonOfXml(patientXml))).toBe(patientXml);
    expect(xmlOfResource(patientJson as unknown as Patient)).toBe(patientXml.replace("1.50", "1.5"));
  });

  it("write elements in the order of the specification, whatever the order of properties", () => {
    const reversed = Object.fromEntries(Object.entries(patientJson).reverse());
    expect(xmlOfResource(reversed as unknown as Patient)).toBe(patientXml.replace("1.50", "1.5"));
  });

  it("carry Bundles, with arrays of one", () => {
    const bundle: Bundle = {
      resourceType: "Bundle",
      type: "collection",
      link: [{ relation: "self", url: "urn:1" }],
      entry: [
        { fullUrl: "urn:2", resource: { resourceType: "Binary", contentType: "text/plain", data: "0LA=" } },
      ],
    };
    expect(resourceOfXml(xmlOfResource(bundle))).toEqual(bundle);
  });

  it("carry a resource without elements", () => {
    expect(resourceOfXml(xmlOfResource({ resourceType: "Parameters" }))).toEqual({
      resourceType: "Parameters",
    });
  });

  it("keep the text of decimals from text to text", () => {
    const observation = (text: string) =>
      `{"resourceType":"Observation","status":"final","code":{"text":"1.0"},"valueQuantity":{"value":${text}}}`;
    for (const text of ["1.00", "0.1", "-0.0", "1e3", "1.0E-22", "12345678901234567890.123456789", "5"]) {
      const xml = xmlOfJson(observation(text));
      expect(xml).toContain(`<value value="${text}"/>`);
      expect(jsonOfXml(xml)).toBe(observation(text));
    }
  });

  it("read prefixes, another encoding and elements out of order", () => {
    const xml = `<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><f:active value="false"/><f:text><f:status value="empty"/><h:div>a</h:div></f:text><f:id value="1"/></f:Patient>`;
    expect(resourceOfXml(xml)).toEqual({
      resourceType: "Patient",
      active: false,
      text: { status: "empty", div: `<div xmlns="http://www.w3.org/1999/xhtml">a</div>` },
      id: "1",
    });
  });

  it("refuse XML that is not the resource, with the path", () => {
    expect(xmlRefusal("<nome/>")).toMatchObject({ code: "bad-request", field: "Patient" });
    expect(xmlRefusal("<name><given value='1'/><given vallue='1'/></name>").field).toBe(
      "Patient.name[0].given[1]",
    );
    expect(xmlRefusal("<active value='yes'/>").field).toBe("Patient.active");
    expect(xmlRefusal("<active/>").field).toBe("Patient.active");
    expect(xmlRefusal("<active value='true'/><active value='true'/>").field).toBe("Patient.active");
    expect(xmlRefusal("<multipleBirthInteger value='01'/>").field).toBe("Patient.multipleBirthInteger");
    expect(xmlRefusal("<id value=''/>").field).toBe("Patient.id");
    expect(xmlRefusal("<contained/>").field).toBe("Patient.contained[0]");
    expect(xmlRefusal("<contained><Secret/></contained>").field).toBe("Patient.contained[0]");
    expect(xmlRefusal("text").field).toBe("Patient");
    expect(xmlRefusal("<text><div>no namespace</div></text>").field).toBe("Patient.text");
    expect(xmlRefusal("<__proto__ value='1'/>").field).toBe("Patient");
    expect(refusal(() => resourceOfXml("<Patient/>")).field).toBe("Resource");
    expect(refusal(() => resourceOfXml("<constructor xmlns='http://hl7.org/fhir'/>")).field).toBe("Resource");
  });

  it("tell where XML is not well-formed", () => {
    const { cause, message } = xmlRefusal("<active value='true'>");
    expect(cause).toBeInstanceOf(XmlError);
    expect(message).toContain("line 1");
    expect(refusal(() => resourceOfXml("<!DOCTYPE a><a/>")).cause).toMatchObject({ code: "doctype" });
  });

  it("refuse JSON that is not the resource, with the path", () => {
    expect(jsonRefusal({ nome: "1" })).toMatchObject({ code: "bad-request", field: "Patient" });
    expect(jsonRefusal({ name: [{ text: "1" }, { given: ["1", 2] }] }).field).toBe(
      "Patient.name[1].given[1]",
    );
    expect(jsonRefusal({ name: { family: "1" } }).field).toBe("Patient.name");
    expect(jsonRefusal({ active: [true] }).field).toBe("Patient.active");
    expect(jsonRefusal({ active: "true" }).field).toBe("Patient.active");
    expect(jsonRefusal({ name: [{ given: [null] }] }).field).toBe("Patient.name[0].given[0]");
    expect(jsonRefusal({ contained: [{ resourceType: "__proto__" }] }).field).toBe("Patient.contained[0]");
    expect(jsonRefusal({ name: [{}] }).field).toBe("Patient.name[0]");
    expect(jsonRefusal({ _birthDate: {} }).field).toBe("Patient.birthDate");
    expect(jsonRefusal({ _meta: {} }).field).toBe("Patient");
    expect(jsonRefusal({ text: { div: "<div>" } }).field).toBe("Patient.text.div");
    expect(
      jsonRefusal({ text: { div: "<div xmlns='http://www.w3.org/1999/xhtml'>&nbsp;</div>" } }).field,
    ).toBe("Patient.text.div");
    expect(jsonRefusal({ id: "\u0000" }).cause).toBeInstanceOf(XmlError);
    expect(refusal(() => xmlOfJson("{")).message).toContain("JSON");
    expect(refusal(() => xmlOfJson('{"resourceType":"Patient","id":1.50}')).field).toBe("Patient.id");
    expect(refusal(() => xmlOfJson('{"resourceType":"Patient","id":01}')).message).toContain("JSON");
    expect(refusal(() => xmlOfJson("[]")).field).toBe("Resource");
  });

  it("read or refuse with a code a resource damaged at any character", () => {
    const json = JSON.stringify(patientJson);
    for (const [text, work] of [
      [patientXml, resourceOfXml],
      [json, xmlOfJson],
    ] as const) {
      for (let at = 0; at < text.length; at += 1) {
        for (const put of ["", "<", "&", '"', "\u0000", "1", "{"]) {
          try {
            work(text.slice(0, at) + put + text.slice(at + 1));
          } catch (error) {
            expect(error).toBeInstanceOf(GatewayError);
          }
        }
      }
    }
  });

  it("stop at depths and sizes that no resource has, in bounded time", () => {
    const deep = `${'{"extension":['.repeat(100_000)}${"]}".repeat(100_000)}`;
    const started = performance.now();
    expect(refusal(() => xmlOfJson(`{"resourceType":"Patient","extension":[${deep}]}`)).message).toContain(
      "levels",
    );
    expect(xmlRefusal("<extension>".repeat(100_000))).toMatchObject({
      code: "payload-too-large",
      message: expect.stringContaining("maxDepth"),
    });
    expect(
      refusal(() => xmlOfJson(`{"resourceType":"Patient","id":"${'\\"'.repeat(1_000_000)}`)).message,
    ).toContain("JSON");
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readOperation, testContext, testUpstream } from "../../test/support/upstream.ts";
import { systemClock } from "../core/clock.ts";
import type { GatewayError } from "../core/errors.ts";
import { readXml } from "../xml/read.ts";
import { elementOf, textOf } from "../xml/tree.ts";
import { createSoapPort } from "./soap.ts";
import type { SoapFault } from "./soap-fault.ts";

const wsdl = `<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions name="Registry" targetNamespace="urn:registry" xmlns:tns="urn:registry"
  xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <wsdl:types><xs:schema targetNamespace="urn:registry" elementFormDefault="qualified">
    <xs:element name="find"><xs:complexType><xs:sequence>
      <xs:element name="snils" type="xs:string"/><xs:element name="on" type="xs:date" minOccurs="0"/>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="findResponse"><xs:complexType><xs:sequence>
      <xs:element name="birthDate" type="xs:date"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:schema></wsdl:types>
  <wsdl:message name="findIn"><wsdl:part name="p" element="tns:find"/></wsdl:message>
  <wsdl:message name="findOut"><wsdl:part name="p" element="tns:findResponse"/></wsdl:message>
  <wsdl:portType name="Port"><wsdl:operation name="find">
    <wsdl:input message="tns:findIn"/><wsdl:output message="tns:findOut"/>
  </wsdl:operation></wsdl:portType>
  <wsdl:binding name="Binding" type="tns:Port">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="find"><soap:operation soapAction="urn:registry/find"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="Service"><wsdl:port name="Port" binding="tns:Binding">
    <soap:address location="http://unused.example/"/>
  </wsdl:port></wsdl:service>
</wsdl:definitions>`;

const soap11 = (body: string) =>
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`;
const soap12 = (body: string) =>
  `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>${body}</e:Body></e:Envelope>`;
const person = '<findResponse xmlns="urn:registry"><birthDate>1980-01-01+03:00</birthDate></findResponse>';

interface Answer {
  status: number;
  body: string | Buffer;
  type?: string;
}

let folder = "";
const stops: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "soap-"));
  stops.push(() => rm(folder, { recursive: true }));
});

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function call(
  answer: Answer,
  options: { version?: "1.1" | "1.2"; wsdl?: string; input?: object } = {},
) {
  const seen: { request?: IncomingMessage; body?: string } = {};
  const server = createServer(async (request, reply) => {
    seen.request = request;
    seen.body = await text(request);
    reply
      .writeHead(answer.status, { "content-type": answer.type ?? "text/xml; charset=utf-8" })
      .end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => new Promise((resolve) => server.close(resolve)));
  const file = join(folder, "registry.wsdl");
  await writeFile(file, options.wsdl ?? wsdl);
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ws`;
  const port = createSoapPort({ wsdl: pathToFileURL(file), endpoint, version: options.version });
  const { upstream } = testUpstream(systemClock);
  stops.push(() => upstream.close());
  const operation = { ...readOperation, effect: "write" as const, timeoutMs: 5_000 };
  const input = options.input ?? { snils: "112-233-445-95 <&>", on: "2026-11-21" };
  const result = upstream.call(
    operation,
    input,
    { send: (attempt, what) => port.call(attempt, "find", what) },
    testContext(systemClock),
  );
  const end = await result.then(
    ({ value }) => ({ value, error: undefined }),
    (error: GatewayError) => ({ value: undefined, error }),
  );
  return { ...end, fault: end.error?.cause as SoapFault | undefined, seen };
}

describe("a SOAP call", () => {
  it("sends the envelope that the WSDL says and returns the answer as it came", async () => {
    const { value, seen } = await call({ status: 200, body: soap11(person) });
    expect(value).toBe(soap11(person));
    expect(seen.request?.method).toBe("POST");
    expect(seen.request?.headers).toMatchObject({
      soapaction: '"urn:registry/find"',
      "content-type": "text/xml; charset=utf-8",
    });
    const envelope = readXml(seen.body ?? "");
    const find = elementOf(elementOf(envelope, "Body", envelope.ns)!, "find", "urn:registry")!;
    expect(envelope.ns).toBe("http://schemas.xmlsoap.org/soap/envelope/");
    expect(textOf(elementOf(find, "snils")!)).toBe("112-233-445-95 <&>");
    expect(textOf(elementOf(find, "on")!)).toBe("2026-11-21");
  });

  it("speaks SOAP 1.2 too", async () => {
    const { value, seen } = await call({ status: 200, body: soap12(person) }, { version: "1.2" });
    expect(value).toBe(soap12(person));
    expect(seen.request?.headers["content-type"]).toContain('action="urn:registry/find"');
    expect(readXml(seen.body ?? "").ns).toBe("http://www.w3.org/2003/05/soap-envelope");
  });

  it("reads an answer in windows-1251", async () => {
    const cyrillic = Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2]);
    const declared = Buffer.from('<?xml version="1.0" encoding="windows-1251"?><a>');
    const body = Buffer.concat([declared, cyrillic, Buffer.from("</a>")]);
    expect((await call({ status: 200, body, type: "text/xml" })).value).toContain("<a>Привет</a>");
    expect((await call({ status: 200, body, type: "text/xml; charset=windows-1251" })).value).toContain(
      "Привет",
    );
  });
});

describe("a SOAP fault", () => {
  it("of 1.1 is recognised with its code, text and detail, which stay out of the message", async () => {
    const body = soap11(
      "<s:Fault><faultcode>s:Client</faultcode><faultstring>Нет 11223344595</faultstring>" +
        "<detail><code>E-17</code></detail></s:Fault>",
    );
    const { error, fault } = await call({ status: 500, body });
    expect(error).toMatchObject({ code: "upstream-rejected", system: "registry" });
    expect(fault).toMatchObject({
      code: "Client",
      text: "Нет 11223344595",
      detail: "E-17",
      blamesServer: false,
    });
    expect(`${error?.message}${error?.detail}`).not.toContain("11223344595");
  });

  it("of 1.2 is recognised with its innermost subcode", async () => {
    const body = soap12(
      "<e:Fault><e:Code><e:Value>e:Receiver</e:Value><e:Subcode><e:Value>m:Busy</e:Value>" +
        "<e:Subcode><e:Value>m:Night</e:Value></e:Subcode></e:Subcode></e:Code>" +
        '<e:Reason><e:Text xml:lang="ru">Занято</e:Text></e:Reason></e:Fault>',
    );
    const { error, fault } = await call({ status: 500, body }, { version: "1.2" });
    expect(error).toMatchObject({ code: "upstream-unavailable" });
    expect(fault).toMatchObject({ code: "Receiver", subcode: "Night", text: "Занято", blamesServer: true });
  });

  it("that comes with HTTP 200 is one all the same", async () => {
    const body = soap11("<s:Fault><faultcode>Client</faultcode><faultstring>x</faultstring></s:Fault>");
    expect((await call({ status: 200, body })).error).toMatchObject({ code: "upstream-rejected" });
  });

  it("is not seen where an answer merely has an element of that name", async () => {
    const body = soap11('<findResponse xmlns="urn:registry"><Fault>none</Fault></findResponse>');
    expect((await call({ status: 200, body })).value).toBe(body);
  });
});

describe("an answer that is no SOAP", () => {
  it.each([
    [500, "<oops>", "upstream-malformed"],
    [500, "<oops/>", "upstream-unavailable"],
    [400, "<oops/>", "upstream-rejected"],
    [403, "", "upstream-rejected"],
  ])("HTTP %i with '%s' is %s", async (status, body, code) => {
    expect((await call({ status, body })).error).toMatchObject({ code });
  });

  it("a WSDL never makes us fetch anything", async () => {
    const remote = wsdl.replace(
      "<wsdl:types>",
      '<wsdl:import namespace="urn:other" location="http://127.0.0.1:9/other.wsdl"/><wsdl:types>',
    );
    const { error, seen } = await call({ status: 200, body: soap11(person) }, { wsdl: remote });
    expect(error?.code).toBe("internal");
    expect(seen.request).toBeUndefined();
  });
});

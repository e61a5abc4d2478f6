import { fileURLToPath } from "node:url";
import type { Client } from "soap";
import { decode, detectEncoding } from "../xml/decode.ts";
import { readXml } from "../xml/read.ts";
import { elementOf, elementsOf, textOf, type XmlElement } from "../xml/tree.ts";
import type { Attempt } from "./operation.ts";
import { SoapFault } from "./soap-fault.ts";
import { WireFailure } from "./wire-failure.ts";

interface SoapOptions {
  /** a local file; imports within it must be local too */
  wsdl: URL;
  endpoint: string;
  version?: "1.1" | "1.2";
}

export interface SoapPort {
  /**
   * Sends one operation of the WSDL and returns the answer's XML as it came. Throws SoapFault for a fault of
   * either version, WireFailure for an HTTP error without one, XmlError when what may be a fault can't be read.
   */
  call(attempt: Attempt, operation: string, input: object): Promise<string>;
}

interface Envelope {
  url: string;
  body: string;
  headers: Record<string, string>;
}

type Deliver = (envelope: Envelope) => void;
type SoapMethod = (input: object, callback: () => void, options: { deliver: Deliver }) => void;

/** A SOAP client that lets the `soap` package build envelopes only: its reader shifts dates, ours reads the answer. */
export function createSoapPort(options: SoapOptions): SoapPort {
  let opening: Promise<Client> | undefined;
  return {
    async call(attempt, operation, input) {
      opening ??= openClient(options);
      const { url, body, headers } = envelopeOf(await opening, operation, input);
      const response = await attempt.fetch(url, { method: "POST", headers, body });
      const text = await textOfResponse(response);
      refuseFault(text, response.status);
      if (response.ok) return text;
      const { status } = response;
      throw new WireFailure(status >= 500 ? "server-error" : "refused", `HTTP ${status} without a fault`, {
        status,
      });
    },
  };
}

// loaded when first needed: 120 ms and 23 MB
async function openClient({ wsdl, endpoint, version = "1.1" }: SoapOptions): Promise<Client> {
  const { createClientAsync } = await import("soap");
  return createClientAsync(
    fileURLToPath(wsdl),
    {
      endpoint,
      forceSoap12Headers: version === "1.2",
      // the package's own cache shares one WSDL object, and with it the version, between clients
      disableCache: true,
      httpClient: { request: hand as never },
    },
    endpoint,
  );
}

type HandRest = [
  callback: (error: Error) => void,
  headers: Record<string, string>,
  options?: { deliver?: Deliver },
];

/** Stands in for soap's HTTP client: hands an envelope over and never calls back; fetches nothing. */
function hand(url: string, body: string, ...[callback, headers, options]: HandRest): void {
  if (options?.deliver) options.deliver({ url, body, headers });
  else callback(new TypeError("a WSDL may import local files only"));
}

function envelopeOf(client: Client, operation: string, input: object): Envelope {
  const method: SoapMethod | undefined = client[operation];
  if (typeof method !== "function") throw new TypeError(`the WSDL has no operation ${operation}`);
  let envelope: Envelope | undefined;
  method(input, () => {}, {
    deliver: (built) => {
      envelope = built;
    },
  });
  if (!envelope) throw new TypeError(`no envelope was built for ${operation}`);
  return envelope;
}

// RFC 7303: the transport's charset wins over the document's own
async function textOfResponse(response: Response): Promise<string> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const charset = /charset="?([\w-]+)/i.exec(response.headers.get("content-type") ?? "")?.[1];
  if (!charset) return decode(bytes, detectEncoding(bytes));
  return decode(bytes, /1251$/.test(charset) ? "windows-1251" : "utf-8");
}

const envelopeNamespaces = [
  "http://schemas.xmlsoap.org/soap/envelope/",
  "http://www.w3.org/2003/05/soap-envelope",
];

/** Reads the answer only when it may be a fault: an error status, or the word early in the text. */
function refuseFault(text: string, status: number): void {
  if (status < 400 && !/[<:]Fault[\s>]/.test(text.slice(0, 4_096))) return;
  if (text.trim() === "") return;
  const envelope = readXml(text);
  if (envelope.name !== "Envelope" || !envelopeNamespaces.includes(envelope.ns)) return;
  const body = elementOf(envelope, "Body", envelope.ns);
  const fault = body && elementOf(body, "Fault", envelope.ns);
  if (fault) throw envelope.ns === envelopeNamespaces[0] ? faultOf11(fault) : faultOf12(fault);
}

// SOAP 1.1 section 4.4: the children are in no namespace
function faultOf11(fault: XmlElement): SoapFault {
  const child = (name: string) => elementOf(fault, name, "");
  const detail = child("detail");
  return new SoapFault({
    code: localName(textIn(child("faultcode"))),
    text: textIn(child("faultstring")),
    detail: detail && textOf(detail).trim(),
  });
}

// SOAP 1.2 part 1 section 5.4
function faultOf12(fault: XmlElement): SoapFault {
  const child = (of: XmlElement | undefined, name: string) => of && elementOf(of, name, fault.ns);
  const code = child(fault, "Code");
  let innermost: XmlElement | undefined;
  for (let next = child(code, "Subcode"); next; next = child(next, "Subcode")) innermost = next;
  const detail = child(fault, "Detail");
  const reason = child(fault, "Reason");
  return new SoapFault({
    code: localName(textIn(child(code, "Value"))),
    subcode: innermost && localName(textIn(child(innermost, "Value"))),
    text: reason ? textIn(elementsOf(reason, "Text", fault.ns)[0]) : "",
    detail: detail && textOf(detail).trim(),
  });
}

const textIn = (element: XmlElement | undefined): string => (element ? textOf(element).trim() : "");

const localName = (qualified: string): string => qualified.slice(qualified.indexOf(":") + 1);

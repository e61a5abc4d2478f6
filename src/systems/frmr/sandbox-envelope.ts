import { Builder } from "xml2js";

const soapNamespace = "http://schemas.xmlsoap.org/soap/envelope/";
export const medStaffNamespace = "http://service.rosminzdrav.ru/MedStaff";

/** A SOAP 1.1 envelope around the given body XML. */
export function envelope(body: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope xmlns:soap="${soapNamespace}"><soap:Body>${body}</soap:Body></soap:Envelope>`;
}

const builder = new Builder({ renderOpts: { pretty: false }, xmldec: { version: "1.0", encoding: "utf-8" } });

/** A whole SOAP 1.1 fault message; the code is one of the registry's. */
export function faultEnvelope(side: "Client" | "Server", code: string, message: string): string {
  const registryFault = { $: { "xmlns:m": medStaffNamespace }, "m:Code": code, "m:Message": message };
  const fault = {
    faultcode: `soap:${side}`,
    faultstring: message,
    detail: { "m:registryFault": registryFault },
  };
  return builder.buildObject({
    "soap:Envelope": { $: { "xmlns:soap": soapNamespace }, "soap:Body": { "soap:Fault": fault } },
  });
}

/** Thrown in an operation; the `soap` server turns `Fault` into a SOAP 1.1 fault. */
export class RegistryFault extends Error {
  readonly Fault: object;

  constructor(side: "Client" | "Server", code: string, message: string) {
    super(message);
    const registryFault = {
      attributes: { "xmlns:m": medStaffNamespace },
      "m:Code": code,
      "m:Message": message,
    };
    this.Fault = {
      faultcode: `soap:${side}`,
      faultstring: message,
      detail: { "m:registryFault": registryFault },
      statusCode: 500,
    };
  }
}

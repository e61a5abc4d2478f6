export const medStaffNamespace = "http://service.rosminzdrav.ru/MedStaff";

/** A SOAP 1.1 envelope around the given body XML. */
export function envelope(body: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>${body}</soap:Body></soap:Envelope>`;
}

/** A whole SOAP 1.1 fault message; the code is one of the registry's. */
export function faultEnvelope(side: "Client" | "Server", code: string, message: string): string {
  return envelope(
    `<soap:Fault><faultcode>soap:${side}</faultcode><faultstring>${message}</faultstring><detail><m:registryFault xmlns:m="${medStaffNamespace}"><m:Code>${code}</m:Code><m:Message>${message}</m:Message></m:registryFault></detail></soap:Fault>`,
  );
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

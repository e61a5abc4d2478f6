/** A SOAP 1.1 or 1.2 fault; `text` and `detail` are the system's words and may hold personal data: never logged. */
export class SoapFault extends Error {
  override readonly name = "SoapFault";
  /** local part of the fault code: `Client`, `Server` (1.1), `Sender`, `Receiver` (1.2) or the system's own */
  readonly code: string;
  /** 1.2 only: local part of the innermost subcode */
  readonly subcode: string | undefined;
  readonly text: string;
  /** children of detail (1.1) or Detail (1.2) as text */
  readonly detail: string | undefined;

  constructor(fault: { code: string; subcode?: string; text: string; detail?: string }) {
    super(`SOAP fault ${fault.code}`);
    this.code = fault.code;
    this.subcode = fault.subcode;
    this.text = fault.text;
    this.detail = fault.detail;
  }

  get blamesServer(): boolean {
    return this.code === "Server" || this.code.startsWith("Server.") || this.code === "Receiver";
  }
}

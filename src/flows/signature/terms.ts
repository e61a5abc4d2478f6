import type { SignatureLevel } from "../../core/context.ts";

/** Who signs: the worker of a session, in the organisation that they chose. */
export interface SigningWorker {
  personId: string;
  /** logical id of the PractitionerRole */
  roleId: string;
  /** ФРМО OID */
  organization: string;
  /** 11 digits, as ESIA told */
  snils: string;
  /** where notices go; absent: only the cabinet shows them */
  contact?: Contact;
}

export interface Contact {
  channel: "sms" | "email";
  address: string;
}

/** What a person asks to have frozen for their signature. */
export interface DocumentOrder {
  title: string;
  contentType: string;
  content: Uint8Array;
  /** logical id of the patient whose data it is */
  subject?: string;
  /** FHIR type that the document stands for: what decide() is asked about (E-03, E-04) */
  represents?: string;
  /** the least signature that does */
  needed: SignatureLevel;
  /** the signed document that this one changes, and why (E-19) */
  replaces?: { id: string; reason: string };
}

/** What a request is about, kept sealed beside the frozen bytes. */
export interface SignatureTerms {
  title: string;
  contentType: string;
  /** absent: a document of no patient */
  represents?: string;
  needed: SignatureLevel;
  roleId: string;
  organization: string;
  snils: string;
  /** of the frozen bytes, in hex: for tools that sign a digest and for people who compare */
  digests: { sha256: string; streebog256: string };
  replaces?: { id: string; reason: string };
  /** given with the signature */
  powerOfAttorney?: string;
  contact?: Contact;
}

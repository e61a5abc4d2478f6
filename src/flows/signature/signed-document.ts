import { createHash, randomUUID } from "node:crypto";
import type {
  Binary,
  DocumentReference,
  Organization,
  PractitionerRole,
  Provenance,
  Reference,
} from "@medplum/fhirtypes";
import { canonicalBase, identifierSystem } from "../../core/canonical.ts";
import type { KeptSignature } from "../../store/signatures.ts";
import type { SignatureWriter } from "./signature-writes.ts";
import type { DocumentKind } from "./signing-rules.ts";
import type { SignatureTerms } from "./terms.ts";
import type { Verdict } from "./verdict.ts";

export interface SignedDocument {
  kept: KeptSignature;
  terms: SignatureTerms;
  /** absent: of no kind that the rules of signing know */
  kind?: DocumentKind;
  container: Uint8Array;
  verdict: Verdict;
  /** clock milliseconds */
  at: number;
  /** roles that must still sign it */
  awaiting: readonly string[];
}

const confidentialitySystem = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

const documentTypeSystem = "urn:oid:1.2.643.5.1.13.13.11.1522";

/** Kinds of electronic medical documents. */
export const documentKindSystem = "urn:oid:1.2.643.5.1.13.13.11.1520";

const authorsSignature = {
  system: "urn:iso-astm:E1762-95:2013",
  code: "1.2.840.10065.1.12.1.1",
  display: "Author's Signature",
};

/**
 * Stores what was signed: the immutable bytes, the next version of the document, and the signature as a Provenance of
 * exactly that version. In the caller's transaction; throws `version-conflict`.
 */
export async function storeSigned(
  writer: SignatureWriter,
  signed: SignedDocument,
): Promise<{ id: string; version: number; binary: string }> {
  const { replaces } = signed.terms;
  const id = replaces?.id ?? randomUUID();
  const binary = toBinary(randomUUID(), id, signed);
  await writer.put(binary);
  // what came meanwhile, such as a higher confidentiality, must not be undone
  const version = await writer.put(toDocumentReference(id, binary.id, signed), replaces?.version);
  await storeProvenance(writer, { id, version }, signed);
  return { id, version, binary: binary.id };
}

/** Stores one more signature over the bytes of a document: its signer, and what it is once all have signed. */
export async function storeCoSigned(
  writer: SignatureWriter,
  { id, docStatus }: { id: string; docStatus: "final" | "amended" },
  signed: SignedDocument,
): Promise<number> {
  const before = await writer.current("DocumentReference", id);
  const status = signed.awaiting.length > 0 ? before.docStatus : docStatus;
  const author = [...(before.author ?? []), roleOf(signed.terms)];
  const version = await writer.put({ ...before, id, author, docStatus: status });
  await storeProvenance(writer, { id, version }, signed);
  return version;
}

/** Stores a signature as a Provenance of one version of a document, in the caller's transaction. */
export async function storeProvenance(
  writer: SignatureWriter,
  document: { id: string; version: number },
  signed: SignedDocument,
): Promise<void> {
  await writer.put(toProvenance(randomUUID(), document, signed));
}

type Identified<T> = T & { id: string };

function toBinary(id: string, documentId: string, { kept, terms }: SignedDocument): Identified<Binary> {
  return {
    resourceType: "Binary",
    id,
    ...labelled(terms),
    contentType: terms.contentType,
    // whose data the bytes are decides who may read them
    securityContext: {
      reference: kept.subject ? `Patient/${kept.subject}` : `DocumentReference/${documentId}`,
    },
    data: Buffer.from(kept.content).toString("base64"),
  };
}

function toDocumentReference(
  id: string,
  binaryId: string,
  signed: SignedDocument,
): Identified<DocumentReference> {
  const { kept, terms, kind, at } = signed;
  const date = new Date(at).toISOString();
  return {
    resourceType: "DocumentReference",
    id,
    ...labelled(terms),
    status: "current",
    docStatus: docStatusOf(signed),
    ...(kind && { type: { coding: [{ system: documentTypeSystem, code: kind.type }] } }),
    description: terms.title,
    ...(kept.subject && { subject: { reference: `Patient/${kept.subject}` } }),
    date,
    author: [roleOf(terms)],
    custodian: organizationOf(terms),
    content: [
      {
        attachment: {
          contentType: terms.contentType,
          url: `Binary/${binaryId}`,
          title: terms.title,
          size: kept.content.length,
          // FHIR R4 Attachment.hash is SHA-1
          hash: createHash("sha1").update(kept.content).digest("base64"),
          creation: date,
        },
        ...(kind && { format: { system: documentKindSystem, code: kind.code, display: kind.name } }),
      },
    ],
  };
}

function toProvenance(
  id: string,
  document: { id: string; version: number },
  signed: SignedDocument,
): Identified<Provenance> {
  const { kept, terms, container, verdict, at } = signed;
  const { type = "DocumentReference" } = terms.resource ?? {};
  const { signingTime } = verdict.report;
  const when = (signingTime ?? new Date(at)).toISOString();
  const who = roleOf(terms);
  const onBehalfOf = organizationOf(terms);
  return {
    resourceType: "Provenance",
    id,
    ...labelled(terms),
    target: [
      { reference: `${type}/${document.id}/_history/${document.version}` },
      // R4 has no Provenance.patient: it is found, and decided on, as the patient's by its target
      ...(kept.subject ? [{ reference: `Patient/${kept.subject}` }] : []),
    ],
    recorded: new Date(at).toISOString(),
    ...(terms.replaces && { reason: [{ text: terms.replaces.reason }] }),
    agent: [{ who, onBehalfOf }],
    signature: [
      {
        extension: [
          { url: `${canonicalBase}/StructureDefinition/signature-level`, valueCode: verdict.level },
        ],
        type: [authorsSignature],
        when,
        who,
        onBehalfOf,
        targetFormat: terms.contentType,
        sigFormat: verdict.report.sigFormat,
        data: Buffer.from(container).toString("base64"),
      },
    ],
  };
}

function docStatusOf({ awaiting, terms }: SignedDocument): DocumentReference["docStatus"] {
  if (awaiting.length > 0) return "preliminary";
  return terms.replaces ? "amended" : "final";
}

/** A document's confidentiality, for whatever tells of it; nothing for a normal one. */
export const labelled = ({ label = "N" }: SignatureTerms): Pick<DocumentReference, "meta"> =>
  label === "N" ? {} : { meta: { security: [{ system: confidentialitySystem, code: label }] } };

const roleOf = ({ roleId }: SignatureTerms): Reference<PractitionerRole> => ({
  reference: `PractitionerRole/${roleId}`,
});

const organizationOf = ({ organization }: SignatureTerms): Reference<Organization> => ({
  type: "Organization",
  identifier: { system: identifierSystem.oid, value: `urn:oid:${organization}` },
});

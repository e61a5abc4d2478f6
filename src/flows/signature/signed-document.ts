import { createHash, randomUUID } from "node:crypto";
import type {
  Binary,
  DocumentReference,
  Organization,
  PractitionerRole,
  Provenance,
  Reference,
} from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import { canonicalBase, identifierSystem } from "../../core/canonical.ts";
import type { ResourceStore } from "../../store/resources.ts";
import type { Schema } from "../../store/schema.ts";
import type { KeptSignature } from "../../store/signatures.ts";
import type { SignatureTerms } from "./terms.ts";
import type { Verdict } from "./verdict.ts";

interface SignedDocument {
  kept: KeptSignature;
  terms: SignatureTerms;
  container: Uint8Array;
  verdict: Verdict;
  /** clock milliseconds */
  at: number;
}

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
  trx: Kysely<Schema>,
  resources: ResourceStore,
  signed: SignedDocument,
): Promise<{ id: string; version: number }> {
  const { kept, terms } = signed;
  const { tenant, subject } = kept;
  const put = (type: string, id: string, content: object) =>
    resources.put(trx, { tenant, type, id, subject, content });
  const id = terms.replaces?.id ?? randomUUID();
  const binaryId = randomUUID();
  await put("Binary", binaryId, toBinary(binaryId, id, signed));
  const { version } = await put("DocumentReference", id, toDocumentReference(id, binaryId, signed));
  await storeProvenance(trx, resources, { id, version }, signed);
  return { id, version };
}

/** Stores a signature as a Provenance of one version of a document, in the caller's transaction. */
export async function storeProvenance(
  trx: Kysely<Schema>,
  resources: ResourceStore,
  document: { id: string; version: number },
  signed: SignedDocument,
): Promise<void> {
  const { tenant, subject } = signed.kept;
  const id = randomUUID();
  const content = toProvenance(id, document, signed);
  await resources.put(trx, { tenant, type: "Provenance", id, subject, content });
}

function toBinary(id: string, documentId: string, { kept, terms }: SignedDocument): Binary {
  return {
    resourceType: "Binary",
    id,
    contentType: terms.contentType,
    // whose data the bytes are decides who may read them
    securityContext: {
      reference: kept.subject ? `Patient/${kept.subject}` : `DocumentReference/${documentId}`,
    },
    data: Buffer.from(kept.content).toString("base64"),
  };
}

function toDocumentReference(id: string, binaryId: string, signed: SignedDocument): DocumentReference {
  const { kept, terms, at } = signed;
  const date = new Date(at).toISOString();
  return {
    resourceType: "DocumentReference",
    id,
    status: "current",
    docStatus: terms.replaces ? "amended" : "final",
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
      },
    ],
  };
}

function toProvenance(
  id: string,
  document: { id: string; version: number },
  signed: SignedDocument,
): Provenance {
  const { terms, container, verdict, at } = signed;
  const { signingTime } = verdict.report;
  const when = (signingTime ?? new Date(at)).toISOString();
  const who = roleOf(terms);
  const onBehalfOf = organizationOf(terms);
  return {
    resourceType: "Provenance",
    id,
    target: [{ reference: `DocumentReference/${document.id}/_history/${document.version}` }],
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

const roleOf = ({ roleId }: SignatureTerms): Reference<PractitionerRole> => ({
  reference: `PractitionerRole/${roleId}`,
});

const organizationOf = ({ organization }: SignatureTerms): Reference<Organization> => ({
  type: "Organization",
  identifier: { system: identifierSystem.oid, value: `urn:oid:${organization}` },
});

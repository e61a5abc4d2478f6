import type { OperationOutcomeIssue, Provenance, Resource } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import type { Kysely } from "kysely";
import type { Interaction, Provider, Providers } from "../../fhir/provider.ts";
import type { Repository } from "../../fhir/repository.ts";
import type { Resigning } from "../../flows/signature/resigning.ts";
import type { KeptAccess } from "../../store/idempotency.ts";
import type { Schema } from "../../store/schema.ts";

export type Pairs = readonly [string, string][];

/** One change as asked, by HTTP or in an entry of a Bundle. */
export interface AskedChange {
  interaction: Extract<Interaction, "create" | "update" | "patch" | "delete">;
  provider: Provider;
  /** absent: given by the store, or found by the criteria */
  id?: string;
  /** of a conditional interaction */
  criteria?: Pairs;
  /** the criteria stood in the URL, where personal identifiers are refused */
  inUrl?: boolean;
  /** what is created or replaces the current version */
  resource?: Resource;
  /** makes the next version of the current one; does not change it */
  patch?(current: Resource): Resource;
  ifMatch?: number;
  /** the reason and the new signature of a change of a signed document (E-19) */
  provenance?: Provenance;
}

/** What became of one change. */
export interface Done {
  status: 200 | 201 | 204;
  asked: AskedChange;
  /** index of the entry of a transaction */
  entry?: number;
  id: string;
  /** as it is now; absent once deleted */
  resource?: Resource;
  /** what the validator found and let pass */
  warnings: readonly OperationOutcomeIssue[];
  /** the caller may know that it is there, and no more of it */
  unseen?: boolean;
  /** as the journal has it */
  access: KeptAccess;
  /** what was written with it: the Provenance of a new signature */
  beside: readonly KeptAccess[];
}

/** What the journal has of these changes, and of what was written with them. */
export const toldBy = (done: readonly Done[]): KeptAccess[] =>
  done.flatMap(({ access, beside }) => [access, ...beside]);

export interface WriteRules {
  /** a change of an existing resource of a stored type must say which version it has seen */
  ifMatchRequired: boolean;
  /** a conditional delete may delete several */
  deletesMany: boolean;
  /** most entries of a batch or transaction */
  bundleEntries: number;
}

export interface Caller {
  request: FastifyRequest;
  providers: Providers;
  /** holds the stored types, and writes several of their resources in one transaction */
  repository: Repository;
  rules: WriteRules;
  /** absent: nothing here is signed */
  resigning?: Pick<Resigning, "judged" | "refuseSigned" | "settle">;
  /** the id that a resource must have because of whom it describes; absent, or undefined: any */
  personIdOf?(resource: Resource): Promise<string | undefined>;
}

/** `settle` takes part in the transaction of the changes, once all are written: it journals them and keeps their answer. */
export interface WritingCaller extends Caller {
  settle(trx: Kysely<Schema>, done: readonly Done[]): Promise<void>;
}

import { createHash, randomUUID } from "node:crypto";
import type { Binary, DocumentReference, Person, Resource, VerificationResult } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import type { SessionFacts } from "../../access/session-facts.ts";
import type { Sessions } from "../../access/sessions.ts";
import { identifierSystem } from "../../core/canonical.ts";
import type { Clock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import { isSnils, snilsDigits } from "../../core/identifiers.ts";
import { sharedTenant } from "../../core/shared-tenant.ts";
import type { ResourceStore } from "../../store/resources.ts";
import type { Schema } from "../../store/schema.ts";
import type { WorkerVerifications } from "../../store/worker-verifications.ts";
import { type AskingAnew, askedAnew } from "../asked-anew.ts";
import { differingFields } from "../sign-in/identity-match.ts";
import { confirmationPdf } from "./confirmation.ts";
import {
  type CheckRun,
  fromVerificationResult,
  outcomeOf,
  type RegistryFinding,
  toVerificationResult,
} from "./outcome.ts";

interface VerificationParts extends AskingAnew {
  db: Kysely<Schema>;
  resources: ResourceStore;
  sessions: Pick<Sessions, "change">;
  /** confirmations that let a worker in while ФРМР is down */
  earlier: Pick<WorkerVerifications, "forget">;
  clock: Clock;
  /** the registry is a sandbox: confirmations say so */
  sandboxed: boolean;
}

type Worker = Pick<SessionFacts, "id" | "owner" | "personId" | "person">;

/** Takes part in the transaction that keeps a run. */
export type WithRun = (trx: Kysely<Schema>, run: CheckRun) => Promise<void>;

type Identified = Resource & { id: string };

// a person's checks are theirs in every organisation
const tenant = sharedTenant;
const historyLength = 100;

/** «Проверить данные» (V-21): the account against ФРМР, each run kept, a full match with its confirmation. */
export class Verifications {
  readonly #parts: VerificationParts;

  constructor(parts: VerificationParts) {
    this.#parts = parts;
  }

  /**
   * Asks ФРМР anew (V-12) and keeps the run; from then on the session holds what it says. Throws the pipeline's
   * errors, and then nothing is kept.
   */
  async verify(worker: Worker, ctx: RequestContext, withRun: WithRun): Promise<CheckRun> {
    const { personId, person } = worker;
    const at = this.#parts.clock.now();
    const snils = snilsOf(person);
    const outcome = outcomeOf(snils ? await this.#finding(snils, person, ctx) : { record: "none" });
    const run: CheckRun = { id: randomUUID(), personId, at, ...outcome };
    const confirmation = run.result === "confirmed" && snils ? await this.#confirmed(run, person, snils) : [];
    const kept: Identified[] = [toVerificationResult(run), ...confirmation];
    // first what may be done twice: whoever sees the run kept sees its consequences
    await this.#told(worker, run);
    await this.#keep(personId, kept, (trx) => withRun(trx, run));
    return run;
  }

  /** The person's runs, newest first. */
  async history(personId: string): Promise<CheckRun[]> {
    const { db, resources } = this.#parts;
    const about = { tenant, type: "VerificationResult", subject: personId, limit: historyLength };
    const kept = await resources.about(db, about);
    return kept.map(({ content }) => fromVerificationResult(content as VerificationResult));
  }

  /** The PDF of a run; throws `not-found` for another person's run and for one that was no full match. */
  async confirmation(personId: string, id: string): Promise<Uint8Array> {
    const { db, resources } = this.#parts;
    const stored = await resources.get(db, { tenant, type: "Binary", id });
    const binary = stored?.subject === personId ? (stored.content as Binary | undefined) : undefined;
    if (!binary?.data) throw new GatewayError("not-found", { field: "id" });
    return Buffer.from(binary.data, "base64");
  }

  async #keep(
    subject: string,
    made: readonly Identified[],
    withThem: (trx: Kysely<Schema>) => Promise<void>,
  ): Promise<void> {
    const { db, resources } = this.#parts;
    await db.transaction().execute(async (trx) => {
      for (const content of made) {
        const key = { tenant, type: content.resourceType, id: content.id };
        await resources.put(trx, { ...key, subject, content, ifVersion: 0 });
      }
      await withThem(trx);
    });
  }

  async #finding(snils: string, person: Person, ctx: RequestContext): Promise<RegistryFinding> {
    try {
      const { value } = await askedAnew(this.#parts, snils, ctx);
      return { record: "one", differing: differingFields(person, value.practitioner) };
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      if (error.code === "person-not-found") return { record: "none" };
      if (error.code === "person-duplicated") return { record: "several" };
      throw error;
    }
  }

  /** A worker whom the registry no longer confirms may not sign, nor enter on an earlier confirmation. */
  async #told(worker: Worker, { result, at }: CheckRun): Promise<void> {
    const { sessions, earlier } = this.#parts;
    const fresh = result === "confirmed";
    if (!fresh) await earlier.forget(worker.owner);
    await sessions.change(worker, (facts) => ({
      ...facts,
      registry: { verifiedAt: fresh ? at : (facts.registry?.verifiedAt ?? at), fresh },
    }));
  }

  async #confirmed(run: CheckRun, person: Person, snils: string): Promise<Identified[]> {
    const { id, personId, at } = run;
    const [name] = person.name ?? [];
    const pdf = await confirmationPdf({
      id,
      name: [name?.family, ...(name?.given ?? [])].filter(Boolean).join(" "),
      birthDate: person.birthDate,
      snils,
      at,
      sandboxed: this.#parts.sandboxed,
    });
    return documentOf({ id, personId, at, pdf });
  }
}

/** The confirmation as a DocumentReference and its bytes, under the id of the run. */
function documentOf(facts: { id: string; personId: string; at: number; pdf: Uint8Array }): Identified[] {
  const { id, personId, at, pdf } = facts;
  const date = new Date(at).toISOString();
  const contentType = "application/pdf";
  const reference: DocumentReference & { id: string } = {
    resourceType: "DocumentReference",
    id,
    status: "current",
    type: { text: "Подтверждение проверки данных" },
    subject: { reference: `Practitioner/${personId}` },
    date,
    content: [
      {
        attachment: {
          contentType,
          url: `Binary/${id}`,
          size: pdf.length,
          // FHIR R4 Attachment.hash is SHA-1
          hash: createHash("sha1").update(pdf).digest("base64"),
          creation: date,
        },
      },
    ],
    context: { related: [{ reference: `VerificationResult/${id}` }] },
  };
  const binary: Binary & { id: string } = {
    resourceType: "Binary",
    id,
    contentType,
    securityContext: { reference: `DocumentReference/${id}` },
    data: Buffer.from(pdf).toString("base64"),
  };
  return [reference, binary];
}

/** The person's СНИЛС; undefined when ESIA gave none or one with wrong check digits. */
function snilsOf({ identifier }: Person): string | undefined {
  const stated = identifier?.find(({ system }) => system === identifierSystem.snils)?.value;
  const digits = snilsDigits(stated ?? "");
  return digits && isSnils(digits) ? digits : undefined;
}

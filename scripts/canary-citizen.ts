import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import type { Schema } from "../src/store/schema.ts";
import { Cabinet } from "../test/support/cabinet.ts";
import { codeSentTo } from "../test/support/messages.ts";
import { type CardDoors, type CardTokens, callerOf, prescriptionOf, written } from "./canary-card.ts";
import type { Canary } from "./canary-people.ts";

/** The store behind the gateway, to note what a patient agreed to elsewhere; absent: nobody is prescribed anything. */
export type SharedStore = Kysely<Schema> | undefined;

/** The patient signs in, consents with a code, is prescribed something, and reads what is stored of them. */
export async function driveCitizen(
  doors: CardDoors & { store: SharedStore },
  tokens: CardTokens,
  { canary, patient }: { canary: Canary; patient: string },
): Promise<void> {
  const { gateway, doctor, outgoing, store } = doors;
  const cabinet = new Cabinet(gateway.url);
  const { text } = await cabinet.visitor.follow(
    `${gateway.url}/auth/login?as=citizen&persona=${canary.person.id}`,
  );
  await cabinet.acceptTerms();
  const sent = async (method: string, path: string, body?: object) => {
    const { status, headers, bytes, body: told } = await cabinet.send(method, path, body);
    outgoing("header", JSON.stringify([...headers]));
    if (status >= 400) throw new Error(`a canary was refused ${path}: ${status} ${bytes} ${text}`);
    return told;
  };
  if (store) await permitPrescriptions(store, doctor.organization, patient);
  const { consent } = await sent("POST", "/me/consents", { kind: "processing" });
  const code = await codeSentTo(gateway, canary.person.phone);
  await sent("POST", `/me/consents/${consent.id}/confirmation`, { code });
  const call = callerOf(doors, tokens);
  if (store) {
    const id = await written(call, "treating", prescriptionOf(canary, `Patient/${patient}`));
    for (const line of [`/${id}`, `/${id}/_history`, `?patient=Patient/${patient}`])
      await call("treating", `GET /MedicationRequest${line}`);
  }
  for (const type of ["Patient", "Condition", "Observation", "DocumentReference"])
    await sent("GET", `/me/records?type=${type}`);
  for (const path of ["/me", "/me/consents", "/me/accesses", "/me/accesses?view=by-me"])
    await sent("GET", path);
}

async function permitPrescriptions(
  store: Kysely<Schema>,
  organization: string,
  patient: string,
): Promise<void> {
  await store
    .insertInto("consent_fact")
    .values({
      ...{ tenant: organization, id: randomUUID(), kind: "prescription", decision: "permit", patient },
      ...{ rights: ["enter"], organization, booked: false, granted_at: 0 },
    })
    .execute();
}

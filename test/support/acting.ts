import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bundle, PractitionerRole } from "@medplum/fhirtypes";
import { vi } from "vitest";
import { clientAssertion, requestToken, type SystemKey } from "../../scripts/system-client.ts";
import type { Parts } from "../../src/parts.ts";

/** СНИЛС of workers of the sandbox's world: its personas `doctor`, `doctor-two` and `nurse`. */
export const snilsOf = { doctor: "90000000182", doctorTwo: "90000000283", nurse: "90000000384" } as const;

/** of the demo client and of those that tests register */
const tenant = "1.2.643.5.1.13.13.12.2.77.90001";

/** A gateway whose data folder holds the demo client's key. */
interface Door {
  url: string;
  config: { DATA_DIR: string };
}

export interface ActingWorker {
  /** logical id of the Practitioner */
  id: string;
  /** logical id of the PractitionerRole */
  role: string;
  /** ФРМО OID */
  organization: string;
  /** an access token of the demo client that names the worker */
  token(purpose?: string, scope?: string): Promise<string>;
}

/** A worker of the sandbox's world, for whom a client acts; the demo client when none is given. */
export async function actingWorker(app: Door, snils: string, client?: SystemKey): Promise<ActingWorker> {
  const key = client ?? (await demoKey(app));
  const mis = await tokenOf(app, key, {});
  const body = new URLSearchParams({ "practitioner.identifier": `urn:oid:1.2.643.100.3|${snils}` });
  const answer = await fetch(`${app.url}/fhir/PractitionerRole/_search`, {
    method: "POST",
    body,
    headers: { authorization: `Bearer ${mis}` },
  });
  const bundle = (await answer.json()) as Bundle<PractitionerRole>;
  const role = bundle.entry
    ?.flatMap(({ resource }) => resource ?? [])
    .find((one) => one.active && one.organization?.identifier?.value === `urn:oid:${tenant}`);
  const id = role?.practitioner?.reference?.split("/")[1];
  const oid = role?.organization?.identifier?.value;
  if (!role?.id || !id || !oid) throw new Error(`no role of ${snils}: ${answer.status}`);
  return {
    id,
    role: role.id,
    organization: oid.replace("urn:oid:", ""),
    token: (purpose = "TREAT", scope) =>
      tokenOf(
        app,
        key,
        {
          extensions: {
            "hl7-b2b": {
              version: "1",
              subject_id: id,
              subject_role: role.id,
              organization_id: oid,
              purpose_of_use: [`urn:oid:2.16.840.1.113883.5.8#${purpose}`],
            },
          },
        },
        scope,
      ),
  };
}

/** From now on ФРМР names this post in all that it holds of anybody, until the mock is restored. */
export function holdPost(
  { parts: { practitioners } }: { parts: Pick<Parts, "practitioners"> },
  code: string,
) {
  vi.restoreAllMocks();
  const real = practitioners.cardBySnils.bind(practitioners);
  return vi.spyOn(practitioners, "cardBySnils").mockImplementation(async (snils, ctx) => {
    const { value, sources } = await real(snils, ctx);
    const roles = value.roles.map((role) => ({ ...role, code: [{ coding: [{ code }] }] }));
    return { value: { ...value, roles }, sources };
  });
}

async function demoKey({ config }: Door): Promise<SystemKey> {
  const jwk = JSON.parse(await readFile(join(config.DATA_DIR, "demo-client.jwk.json"), "utf8"));
  return { clientId: "demo", jwk };
}

async function tokenOf(
  app: Door,
  key: SystemKey,
  claims: Record<string, unknown>,
  scope = "system/*.cruds",
): Promise<string> {
  const tokenUrl = `${app.url}/auth/token`;
  const assertion = await clientAssertion(key, tokenUrl, claims);
  const answer = await requestToken(tokenUrl, assertion, scope);
  const body = (await answer.json()) as { access_token: string };
  if (!answer.ok) throw new Error(JSON.stringify(body));
  return body.access_token;
}

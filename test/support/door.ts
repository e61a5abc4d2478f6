import type { Bundle, OperationOutcome } from "@medplum/fhirtypes";
import type { TestGateway } from "./gateway.ts";

export interface Reply<T> {
  status: number;
  headers: Headers;
  body: T;
  tookMs: number;
}

/** The FHIR door of a gateway under test, opened with one token. */
export class Door {
  readonly #gateway: TestGateway;
  #token: string;

  constructor(gateway: TestGateway, token: string) {
    this.#gateway = gateway;
    this.#token = token;
  }

  static async open(gateway: TestGateway, scope?: string): Promise<Door> {
    return new Door(gateway, await gateway.token(scope));
  }

  async call<T>(path: string, init: RequestInit = {}): Promise<Reply<T>> {
    const started = performance.now();
    const headers = { authorization: `Bearer ${this.#token}`, ...init.headers };
    const answer = await fetch(`${this.#gateway.url}${path}`, { ...init, headers });
    const body = (await answer.json()) as T;
    return { status: answer.status, headers: answer.headers, body, tookMs: performance.now() - started };
  }

  /** `POST /fhir/Practitioner/_search` by СНИЛС and whatever else is asked */
  search<T = Bundle>(
    snils: string,
    more: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Reply<T>> {
    const body = new URLSearchParams({ identifier: `urn:oid:1.2.643.100.3|${snils}`, ...more });
    return this.call<T>("/fhir/Practitioner/_search", { method: "POST", headers, body });
  }

  /** logical id of the worker with this СНИЛС */
  async idOf(snils: string): Promise<string> {
    const { status, body } = await this.search(snils);
    const id = body.entry?.find(({ resource }) => resource?.resourceType === "Practitioner")?.resource?.id;
    if (!id) throw new Error(`no worker found: ${status} ${JSON.stringify(body)}`);
    return id;
  }
}

/** The code of our error table that an outcome carries. */
export function codeOf(outcome: OperationOutcome): string | undefined {
  return outcome.issue?.[0]?.details?.coding?.[0]?.code;
}

interface SandboxPerson {
  id: string;
  snils?: string;
  note?: string;
}

/** СНИЛС of every person who works in the sandbox's world, personas by their id. */
export async function sandboxPeople(gateway: TestGateway): Promise<Map<string, string>> {
  const answer = await fetch(`${gateway.sandboxUrl}/_world`);
  const { people } = (await answer.json()) as { people: SandboxPerson[] };
  return new Map(people.flatMap(({ id, snils }) => (snils ? [[id, snils] as const] : [])));
}

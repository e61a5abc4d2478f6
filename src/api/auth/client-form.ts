import type { FastifyRequest } from "fastify";
import {
  type AssertionCheck,
  type AuthenticatedClient,
  authenticateClient,
} from "../../access/client-assertion.ts";
import { GatewayError } from "../../core/errors.ts";

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** RFC 6749 3.2: a parameter stands once; throws `bad-request`, before the assertion is used up. */
export function formOf({ body }: FastifyRequest): Partial<Record<string, string>> {
  const members = Object.entries(body ?? {});
  if (members.some(([, value]) => typeof value !== "string"))
    throw new GatewayError("bad-request", { detail: "a parameter stands more than once" });
  return Object.fromEntries(members);
}

/** The client of a form by its `private_key_jwt`; throws `invalid-client` and `invalid-assertion`. */
export function clientOf(
  form: Partial<Record<string, string>>,
  check: AssertionCheck,
): Promise<AuthenticatedClient> {
  if (form.client_assertion_type !== assertionType || !form.client_assertion)
    throw new GatewayError("invalid-client", {
      field: "client_assertion",
      detail: `send client_assertion and client_assertion_type=${assertionType}`,
    });
  return authenticateClient(form.client_assertion, check);
}

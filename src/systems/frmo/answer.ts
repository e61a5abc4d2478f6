import { GatewayError } from "../../core/errors.ts";

/** The body of a JSON answer of the registry; throws `upstream-malformed`. */
export async function parsed(response: Pick<Response, "json">): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    throw new GatewayError("upstream-malformed", { system: "frmo", detail: "the answer is not JSON", cause });
  }
}

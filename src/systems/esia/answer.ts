import { GatewayError } from "../../core/errors.ts";

/**
 * The JSON of an answer without its nulls, which mean the same as absence; undefined where a refusal is not JSON.
 * Throws GatewayError `upstream-malformed` for a good answer that can't be read.
 */
export async function answerOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text, (_name, value: unknown) => value ?? undefined);
  } catch (cause) {
    if (!response.ok) return undefined;
    throw new GatewayError("upstream-malformed", { system: "esia", detail: "the answer is not JSON", cause });
  }
}

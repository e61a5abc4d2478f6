import { GatewayError, isGatewayError } from "../../core/errors.ts";

/** Does the work for an entry of a Bundle, if it is for one; an error of it names the entry. */
export function atEntry<T>(index: number | undefined, work: () => T): T {
  if (index === undefined) return work();
  const named = (error: unknown): never => {
    if (!isGatewayError(error)) throw error;
    const { code, detail, retryAfter, cause, issues } = error;
    const field = [`Bundle.entry[${index}]`, error.field].filter(Boolean).join(".");
    throw new GatewayError(code, { field, detail, retryAfter, cause, issues });
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(named) as T) : result;
  } catch (error) {
    return named(error);
  }
}

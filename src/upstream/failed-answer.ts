import type { RequestContext } from "../core/context.ts";
import type { ErrorCode } from "../core/error-table.ts";
import type { GatewayError } from "../core/errors.ts";
import { MappingError } from "../fml/errors.ts";
import type { TraceEntry } from "../fml/trace-entry.ts";
import type { FailedMessage } from "../store/failed-messages.ts";
import type { Operation } from "./operation.ts";

/** Keeps answers that could not be mapped, for an operator; must not reject. */
export interface FailureSink {
  keep(message: FailedMessage): Promise<void>;
}

const keptCodes = new Set<ErrorCode>([
  "mapping-failed",
  "unmapped-code",
  "upstream-wrong-shape",
  "upstream-malformed",
]);

// of a map that fails late the last elements tell enough
const mostWritten = 1000;

function entryText({ target, source, map, line, rule }: TraceEntry): string {
  return `${target} <- ${source || "the map"} (${map}:${line}${rule === "" ? "" : ` "${rule}"`})`;
}

/** The message to keep of a failed call; undefined when the fault is not in the answer. */
export function failedMessageOf(
  error: GatewayError,
  { operation, ctx }: { operation: Operation; ctx: RequestContext },
  answer: Uint8Array | undefined,
): FailedMessage | undefined {
  if (!answer || !keptCodes.has(error.code)) return undefined;
  const { site, written = [] } = error.cause instanceof MappingError ? error.cause : {};
  return {
    tenant: ctx.actor.tenant,
    requestId: ctx.requestId,
    system: operation.system,
    operation: operation.name,
    code: error.code,
    map: site?.map,
    line: site?.position.line,
    sourcePath: site?.sourcePath ?? error.field,
    targetPath: site?.targetPath,
    trace: [...chainOf(error)],
    written: written.slice(-mostWritten).map(entryText),
    answer,
  };
}

function* chainOf(error: unknown): Iterable<string> {
  for (let next = error; next instanceof Error; next = next.cause) {
    const { field } = next as Partial<GatewayError>;
    // a JSON parser quotes what it could not read
    const text = next instanceof SyntaxError ? "" : next.message;
    yield [next.name, field, text].filter(Boolean).join(": ");
  }
}

import Type from "typebox";
import { Value } from "typebox/value";
import type { RequestContext } from "../../../core/context.ts";
import { GatewayError } from "../../../core/errors.ts";
import type { Upstream } from "../../../upstream/call.ts";
import { WireFailure } from "../../../upstream/wire-failure.ts";

interface RemoteSignerSettings {
  upstream: Upstream;
  /** address under which `/organizations/{oid}/signatures` stands */
  baseUrl: string;
  timeoutMs: number;
}

/** What an organisation is to sign; the key makes a repeated question give the same signature. */
export interface OrgSigningOrder {
  /** ФРМО OID */
  organization: string;
  content: Uint8Array;
  idempotencyKey: string;
}

export const orgSignerSystem = "org-signer";

const answer = Type.Object({ signature: Type.String({ minLength: 1 }) });

/**
 * An organisation's signature from its own signing service, over HTTP (our design, grade C): a detached CMS in DER.
 * Throws the pipeline's errors; a repeated call with the same key is safe.
 */
export function createRemoteSigner(settings: RemoteSignerSettings) {
  const { upstream, baseUrl, timeoutMs } = settings;
  return {
    sign: async (order: OrgSigningOrder, ctx: RequestContext): Promise<Uint8Array> => {
      const { value } = await upstream.call(
        {
          system: orgSignerSystem,
          name: "sign",
          effect: "write",
          // the service gives one signature for one key
          repeatable: true,
          timeoutMs,
          cacheSeconds: 0,
          priority: "interactive",
        },
        order,
        {
          send: async (attempt, { organization, content, idempotencyKey }) => {
            const url = `${baseUrl}/organizations/${encodeURIComponent(organization)}/signatures`;
            const response = await attempt.fetch(url, {
              method: "POST",
              headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
              body: JSON.stringify({ content: Buffer.from(content).toString("base64") }),
            });
            if (!response.ok)
              throw new WireFailure("refused", `HTTP ${response.status}`, { status: response.status });
            return signatureIn(await response.text());
          },
        },
        ctx,
      );
      return value;
    },
  };
}

function signatureIn(text: string): Uint8Array {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw new GatewayError("upstream-malformed", { system: orgSignerSystem, cause });
  }
  if (!Value.Check(answer, body)) throw new GatewayError("upstream-wrong-shape", { system: orgSignerSystem });
  return Buffer.from(body.signature, "base64");
}

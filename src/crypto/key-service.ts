import { LRUCache } from "lru-cache";
import type { KeyProvider } from "./envelope.ts";
import { CryptoError } from "./errors.ts";
import { keyOf } from "./key-providers.ts";

/** One GET with a time-out and a size limit, no redirects followed; rejects when there is no whole answer. */
export type KeyNetwork = (
  url: string,
  headers: Readonly<Record<string, string>>,
) => Promise<{ status: number; json(): Promise<unknown> }>;

export interface KeyServiceOptions {
  /** address of the transit engine, such as `https://vault.example:8200/v1/transit`: nothing else is ever asked */
  readonly baseUrl: string;
  /** name of the exportable key; its versions are our key ids */
  readonly keyName: string;
  /** read at each call: tokens are renewed by an agent beside us */
  readonly token: () => Promise<string>;
  readonly network: KeyNetwork;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const keptMs = 5 * 60_000;
const keptKeys = 100;
const versionForm = /^[1-9][0-9]{0,8}$/;

/**
 * Key-encryption keys of a key service over HTTP, in the export calls of the transit engine that Vault and OpenBao
 * share: `keys/NAME` tells the latest version, `export/encryption-key/NAME/VERSION` gives one. A key is remembered
 * for five minutes, so a short outage of the service stops nothing, and its revocation holds soon.
 */
export function keyService(options: KeyServiceOptions): KeyProvider {
  const { keyName, now } = options;
  const prefix = `${keyName}-v`;
  const kept = new LRUCache<string, Uint8Array>({
    max: keptKeys,
    ttl: keptMs,
    ttlResolution: 0,
    perf: { now },
  });
  let latest: { id: string; until: number } | undefined;

  const byId = async (id: string) => {
    const version = id.startsWith(prefix) ? id.slice(prefix.length) : "";
    if (!versionForm.test(version)) return undefined;
    const known = kept.get(id);
    if (known) return known;
    const answer = await asked(options, `export/encryption-key/${encodeURIComponent(keyName)}/${version}`);
    const text = (answer?.keys as Record<string, unknown> | undefined)?.[version];
    if (typeof text !== "string") return undefined;
    const key = keyOf(text, id);
    kept.set(id, key);
    return key;
  };
  const currentId = async () => {
    if (latest && latest.until > now()) return latest.id;
    const answer = await asked(options, `keys/${encodeURIComponent(keyName)}`);
    const version = String(answer?.latest_version);
    if (!versionForm.test(version)) throw unavailable("the key service names no latest version");
    latest = { id: prefix + version, until: now() + keptMs };
    return latest.id;
  };
  return {
    byId,
    current: async () => {
      const id = await currentId();
      const key = await byId(id);
      if (!key) throw unavailable("the key service does not give its latest version");
      return { id, key };
    },
  };
}

/** `data` of the answer; undefined when the service has no such key; throws `unknown-key` when it does not serve us. */
async function asked(options: KeyServiceOptions, path: string): Promise<Record<string, unknown> | undefined> {
  const { baseUrl, token, network } = options;
  let answer: { status: number; json(): Promise<unknown> };
  let body: unknown;
  try {
    answer = await network(`${baseUrl}/${path}`, { "x-vault-token": await token() });
    if (answer.status === 404) return undefined;
    body = await answer.json();
  } catch (cause) {
    throw unavailable("the key service does not answer", cause);
  }
  if (answer.status !== 200) throw unavailable(`the key service refused with HTTP ${answer.status}`);
  const data = (body as { data?: unknown } | null)?.data;
  return typeof data === "object" && data !== null ? (data as Record<string, unknown>) : undefined;
}

const unavailable = (message: string, cause?: unknown) => new CryptoError("unknown-key", message, { cause });

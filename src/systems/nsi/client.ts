import type { CodeSystem } from "@medplum/fhirtypes";
import type { Static, TSchema } from "typebox";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Fetched, Upstream } from "../../upstream/call.ts";
import type { Attempt, Operation } from "../../upstream/operation.ts";
import { codeSystemOf } from "./code-system.ts";
import {
  answerReader,
  type DataAnswer,
  dataAnswer,
  passportAnswer,
  searchAnswer,
  versionsAnswer,
} from "./wire.ts";

export interface NsiSettings {
  upstream: Upstream;
  /** address under which `/port/rest/…` stands */
  baseUrl: string;
  /** personal key from the operator's cabinet; goes as a query parameter, as the service wants it */
  userKey: string;
  timeoutMs: number;
  cacheSeconds: number;
}

export interface DictionaryVersion {
  version: string;
  /** as the service prints it: dd.MM.yyyy HH:mm */
  publishDate?: string;
}

/** Client of ФР НСИ, the register of dictionaries (REST, grade A). */
export interface NsiClient {
  /** A dictionary as a CodeSystem; the newest version unless one is named. Throws `dictionary-not-found`. */
  codeSystem(oid: string, version: string | undefined, ctx: RequestContext): Promise<Fetched<CodeSystem>>;
  /** Versions of a dictionary, newest first. */
  versions(oid: string, ctx: RequestContext): Promise<Fetched<DictionaryVersion[]>>;
  /** Dictionaries whose name holds the text: OID, name and newest version. */
  search(name: string, ctx: RequestContext): Promise<Fetched<Static<typeof searchAnswer>["list"]>>;
}

const pageSize = 1_000;
const mostPages = 200;

const readPassport = answerReader(passportAnswer);
const readData = answerReader(dataAnswer);

/** Opens the client of ФР НСИ. */
export function createNsiClient(settings: NsiSettings): NsiClient {
  const { upstream, cacheSeconds } = settings;
  const operation = (name: string, timeoutMs = settings.timeoutMs): Operation => ({
    system: "nsi",
    name,
    effect: "read",
    timeoutMs,
    cacheSeconds,
    priority: "interactive",
    maxBytes: 16 * 1_048_576,
  });
  const ask = <S extends TSchema, T>(
    name: string,
    query: Record<string, string>,
    read: { schema: S; value: (answer: Static<S>) => T },
    ctx: RequestContext,
  ) => {
    const reader = answerReader(read.schema);
    return upstream.call(
      operation(name),
      query,
      {
        cacheKey: Object.values(query),
        send: async (attempt) => read.value(reader(await get(settings, name, query, attempt))),
      },
      ctx,
    );
  };
  return {
    codeSystem: (oid, version, ctx) =>
      upstream.call(
        operation("data", settings.timeoutMs * 6),
        oid,
        {
          cacheKey: [oid, version ?? ""],
          send: (attempt) => wholeDictionary(settings, { oid, version }, attempt),
        },
        ctx,
      ),
    versions: (oid, ctx) =>
      ask(
        "versions",
        { identifier: oid, size: "100" },
        {
          schema: versionsAnswer,
          value: ({ list }) =>
            list.map(({ version, publishDate }) => ({ version, publishDate: publishDate ?? undefined })),
        },
        ctx,
      ),
    search: (name, ctx) =>
      ask(
        "searchDictionary",
        { name, size: "100" },
        { schema: searchAnswer, value: ({ list }) => list },
        ctx,
      ),
  };
}

async function wholeDictionary(
  settings: NsiSettings,
  { oid, version }: { oid: string; version: string | undefined },
  attempt: Attempt,
): Promise<CodeSystem> {
  const asked: Record<string, string> = { identifier: oid, ...(version && { version }) };
  const passport = readPassport(await get(settings, "passport", asked, attempt));
  // every page of the same version, or a new one published meanwhile would mix
  const query = { ...asked, version: passport.version, size: String(pageSize) };
  const rows: DataAnswer["list"] = [];
  for (let page = 1; page <= mostPages; page++) {
    const answer = readData(await get(settings, "data", { ...query, page: String(page) }, attempt));
    rows.push(...answer.list);
    if (rows.length >= answer.total || answer.list.length === 0) break;
  }
  return codeSystemOf(passport, rows);
}

async function get(
  { baseUrl, userKey }: NsiSettings,
  method: string,
  query: Record<string, string>,
  attempt: Attempt,
): Promise<string> {
  const parameters = new URLSearchParams({ userKey, ...query });
  const response = await attempt.fetch(`${baseUrl}/port/rest/${method}?${parameters}`, {
    headers: { accept: "application/json" },
  });
  if (!response.ok) throw new GatewayError("upstream-rejected", { system: "nsi" });
  return response.text();
}

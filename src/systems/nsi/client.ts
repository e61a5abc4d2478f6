import type { CodeSystem } from "@medplum/fhirtypes";
import type { Static } from "typebox";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Fetched, Upstream } from "../../upstream/call.ts";
import type { Attempt, Operation } from "../../upstream/operation.ts";
import { codeSystemOf, codeSystemVersion } from "./code-system.ts";
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

/** Client of ФР НСИ, the register of dictionaries (REST, grade A). */
export interface NsiClient {
  /** A dictionary as a CodeSystem; the newest version unless one is named. Throws `dictionary-not-found`. */
  codeSystem(oid: string, version: string | undefined, ctx: RequestContext): Promise<Fetched<CodeSystem>>;
  /** Versions of a dictionary, newest first; days as the service prints them, dd.MM.yyyy HH:mm. */
  versions(oid: string, ctx: RequestContext): Promise<Fetched<Static<typeof versionsAnswer>["list"]>>;
  /** Dictionaries whose name holds the text: OID, name and newest version. */
  search(name: string, ctx: RequestContext): Promise<Fetched<Static<typeof searchAnswer>["list"]>>;
}

const pageSize = 1_000;
const mostPages = 200;

const readPassport = answerReader(passportAnswer);
const readData = answerReader(dataAnswer);
const readVersions = answerReader(versionsAnswer);
const readSearch = answerReader(searchAnswer);

/** Opens the client of ФР НСИ. */
export function createNsiClient(settings: NsiSettings): NsiClient {
  return {
    codeSystem: (oid, version, ctx) =>
      settings.upstream.call(
        operationOf(settings, "data", wholeDictionaryCalls),
        oid,
        {
          cacheKey: [oid, version ?? "", codeSystemVersion],
          send: (attempt) => wholeDictionary(settings, { oid, version }, attempt),
        },
        ctx,
      ),
    versions: (oid, ctx) =>
      ask(
        settings,
        {
          method: "versions",
          query: { identifier: oid, size: "100" },
          read: (text) => readVersions(text).list,
        },
        ctx,
      ),
    search: (name, ctx) =>
      ask(
        settings,
        { method: "searchDictionary", query: { name, size: "100" }, read: (text) => readSearch(text).list },
        ctx,
      ),
  };
}

// a large dictionary takes a passport and many pages
const wholeDictionaryCalls = 6;

const operationOf = ({ timeoutMs, cacheSeconds }: NsiSettings, name: string, calls = 1): Operation => ({
  system: "nsi",
  name,
  effect: "read",
  timeoutMs: timeoutMs * calls,
  cacheSeconds,
  priority: "interactive",
  maxBytes: 16 * 1_048_576,
});

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

interface Question<T> {
  method: string;
  query: Record<string, string>;
  read: (text: string) => T;
}

function ask<T>(settings: NsiSettings, { method, query, read }: Question<T>, ctx: RequestContext) {
  const send = async (attempt: Attempt) => read(await get(settings, method, query, attempt));
  return settings.upstream.call(
    operationOf(settings, method),
    query,
    { cacheKey: Object.values(query), send },
    ctx,
  );
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

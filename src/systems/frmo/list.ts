import Type, { type Static } from "typebox";
import { Compile } from "typebox/compile";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Upstream } from "../../upstream/call.ts";
import type { Attempt, Operation } from "../../upstream/operation.ts";
import { parsed } from "./answer.ts";

/** A row of the registry's list; days are ISO. */
export interface ListedOrganization {
  oid: string;
  modifyDate?: string | null;
}

interface ListSettings {
  upstream: Upstream;
  baseUrl: string;
  timeoutMs: number;
}

const row = Type.Object({
  oid: Type.String({ pattern: "^1\\.2\\.643\\.[0-9.]+$" }),
  modifyDate: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
const kind = Type.Object({ id: Type.Integer() });
const shapes = {
  part: Compile(Type.Array(row)),
  kinds: Compile(Type.Array(kind)),
  count: Compile(Type.Integer()),
};
// the reference book of kinds of organisations among /rest/refs/list
const kindsBook = 2;

/**
 * Every organisation, a part of the list at a time: the list is kept by kinds of organisations. A context for each call,
 * because the whole takes longer than any deadline. Throws `upstream-wrong-shape` and the pipeline's errors.
 */
export async function* listOrganizations(
  settings: ListSettings,
  newContext: () => RequestContext,
): AsyncGenerator<readonly ListedOrganization[]> {
  const ask = <T>(path: string, isShape: (answer: unknown) => answer is T) =>
    asked(settings, { path, isShape }, newContext());
  const isCount = (answer: unknown): answer is number => shapes.count.Check(answer);
  const isKinds = (answer: unknown): answer is Static<typeof kind>[] => shapes.kinds.Check(answer);
  const isRows = (answer: unknown): answer is ListedOrganization[] => shapes.part.Check(answer);
  const books = await ask(`refs/parts?id=${kindsBook}`, isCount);
  for (let book = 1; book <= books; book++)
    for (const { id } of await ask(`refs/part?id=${kindsBook}&part=${book}`, isKinds)) {
      const parts = await ask(`org/parts?orgTypeId=${id}`, isCount);
      for (let part = 1; part <= parts; part++)
        yield await ask(`org/part?orgTypeId=${id}&part=${part}`, isRows);
    }
}

interface Asked<T> {
  path: string;
  isShape: (answer: unknown) => answer is T;
}

async function asked<T>(
  { upstream, baseUrl, timeoutMs }: ListSettings,
  { path, isShape }: Asked<T>,
  ctx: RequestContext,
): Promise<T> {
  const operation: Operation = {
    system: "frmo",
    name: `rest/${path.split("/")[0]}`,
    effect: "read",
    timeoutMs,
    cacheSeconds: 0,
    priority: "background",
  };
  const send = async (attempt: Attempt): Promise<T> => {
    const response = await attempt.fetch(`${baseUrl}/rest/${path}`, {
      headers: { accept: "application/json" },
    });
    if (!response.ok) throw new GatewayError("upstream-rejected", { system: "frmo" });
    const answer = await parsed(response);
    if (isShape(answer)) return answer;
    throw new GatewayError("upstream-wrong-shape", { system: "frmo", detail: "not a part of the list" });
  };
  return (await upstream.call(operation, path, { send }, ctx)).value;
}

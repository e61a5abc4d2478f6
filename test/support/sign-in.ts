import type { JournalRow } from "../../src/store/journal.ts";
import type { SignedIn } from "../../src/systems/esia/identity-provider.ts";
import type { TestApp } from "./app.ts";
import { type Visit, Visitor } from "./visitor.ts";

export interface Entered {
  visitor: Visitor;
  /** of the callback */
  answer: Visit;
}

/** Goes through the sandbox's ESIA as a persona, by default in a new browser. */
export async function signInAs(
  app: Pick<TestApp, "url">,
  persona: string,
  as = "worker",
  visitor = new Visitor(),
): Promise<Entered> {
  const answer = await visitor.follow(`${app.url}/auth/login?as=${as}&persona=${persona}`);
  return { visitor, answer };
}

/** The error code that a page names. */
export const codeOn = ({ text }: Visit): string | undefined =>
  /<code id="code">([\w-]+)<\/code>/.exec(text)?.[1];

/** The token of the page's forms. */
export const csrfOn = ({ text }: Visit): string => /name="csrf" value="([\w-]+)"/.exec(text)?.[1] ?? "";

export async function journalRows(app: TestApp): Promise<JournalRow[]> {
  const found = await app.parts.store.db
    .selectFrom("journal")
    .select("row")
    .orderBy("group_id")
    .orderBy("n")
    .execute();
  return found.map(({ row }) => JSON.parse(row) as JournalRow);
}

/** Tells the sandbox what to play; `times` is large enough for every retry. */
export async function order(app: TestApp, system: string, scenario: string, at?: string): Promise<void> {
  const answer = await fetch(`${app.sandboxUrl}/_scenario`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ system, scenario, times: 1000, ...(at !== undefined && { at }) }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}

export async function calm(app: TestApp): Promise<void> {
  await fetch(`${app.sandboxUrl}/_scenario`, { method: "DELETE" });
}

/** From now on ESIA says this of whoever signs in; the answer undoes it. */
export function alterAccounts(app: TestApp, change: (account: SignedIn) => SignedIn): () => void {
  const { esia } = app.parts;
  const real = esia.signIn;
  esia.signIn = async (request, ctx) => change(await real.call(esia, request, ctx));
  return () => {
    esia.signIn = real;
  };
}

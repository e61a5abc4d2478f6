import { expect, it } from "vitest";
import type { Attempt } from "../../upstream/operation.ts";
import { readDocuments, readProfile, readRoles } from "./rest.ts";

const question = { baseUrl: "https://esia.example.test", accessToken: "token", contacts: false };

function answering(body: unknown, status = 200): Attempt & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    signal: new AbortController().signal,
    timeoutMs: 1_000,
    fetch: async (url) => {
      asked.push(url);
      return new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
    },
  };
}

it.each([
  ["an object", { code: "ESIA-005011", message: "SecurityErrorEnum.invalidToken" }, "sign-in-expired"],
  ["an array", [{ code: "ESIA-005013", message: "SecurityErrorEnum.expiredToken" }], "sign-in-expired"],
  ["a refused scope", { code: "ESIA-005029" }, "esia-scope-rejected"],
  ["an unknown code", [{ code: "ESIA-005999" }], "esia-request-rejected"],
  ["an empty array", [], "esia-request-rejected"],
  ["no JSON", "denied", "esia-request-rejected"],
])("a refusal in the form of %s is read", async (_what, body, code) => {
  await expect(readProfile(question, "1", answering(body, 401))).rejects.toMatchObject({ code });
});

it("a null means absence", async () => {
  const row = { firstName: "Анна", middleName: null, snils: null };
  expect(await readProfile(question, "1", answering(row))).toEqual({
    firstName: "Анна",
    oid: "1",
    contacts: [],
  });
});

it("links in place of embedded elements are another shape", async () => {
  const links = { size: 1, elements: ["https://esia.example.test/rs/prns/1/docs/2"] };
  const attempt = answering(links);
  await expect(readDocuments(question, "1", attempt)).rejects.toMatchObject({ code: "upstream-wrong-shape" });
  expect(attempt.asked).toEqual(["https://esia.example.test/rs/prns/1/docs?embed=(elements)"]);
});

it.each([
  ["a birth date in another order", { birthDate: "1985-05-26" }],
  ["a СНИЛС of ten digits", { snils: "900-000-001 8" }],
])("%s is another shape", async (_what, row) => {
  await expect(readProfile(question, "1", answering(row))).rejects.toMatchObject({
    code: "upstream-wrong-shape",
  });
});

it("an organisation that was liquidated has no active employees", async () => {
  const role = { oid: 5, fullName: "ГБУЗ ТЕСТ", ogrn: "1020000000006", active: true, chief: true };
  const roles = await readRoles(
    question,
    "1",
    answering({ elements: [role, { ...role, isLiquidated: true }] }),
  );
  expect(roles.map(({ active }) => active)).toEqual([true, false]);
});

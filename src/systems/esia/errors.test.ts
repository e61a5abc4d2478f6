import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorTable } from "../../core/error-table.ts";
import { GatewayError } from "../../core/errors.ts";
import { attemptFailureOf, esiaCodeOf, refusalOf, signInFailure } from "./errors.ts";

const refused = (description: string, error = "invalid_request") => refusalOf({ error, description });

describe("a refusal of ESIA", () => {
  it.each([
    ["ESIA-007004: OAuthErrorEnum.accessDenied", "sign-in-cancelled"],
    ["ESIA-007011: The code is wrong", "sign-in-expired"],
    ["ESIA-007015: OAuthErrorEnum.badTimestamp", "esia-clock-rejected"],
    ["ESIA-007019: OAuthErrorEnum.noGrants", "esia-scope-rejected"],
    ["ESIA-007023: OAuthErrorEnum.redirectUri", "auth-redirect-rejected"],
    ["ESIA-007046: OTP", "second-factor-missing"],
    ["ESIA-007053: OAuthErrorEnum.clientSecretWrong", "esia-client-rejected"],
    ["ESIA-007055: not confirmed", "account-not-confirmed"],
    ["ESIA-007194: not an employee", "profile-organization-mismatch"],
    ["ESIA-036706: purpose", "esia-request-rejected"],
    ["ESIA-999999: a code of the future", "esia-request-rejected"],
  ])("%s is %s", (description, code) => {
    expect(refused(description)).toMatchObject({ code, system: "esia" });
  });

  it("overload and maintenance are 503 with a time to come back and the page of announcements", () => {
    const error = refused("ESIA-007008: maintenance");
    expect(error).toMatchObject({ code: "auth-upstream-down", retryAfter: 60 });
    expect(error.row.status).toBe(503);
    expect(error.row.remedy).toContain("https://www.gosuslugi.ru/help/news");
  });

  it("without a code of ESIA is read by its OAuth error", () => {
    expect(refusalOf({ error: "access_denied" }).code).toBe("sign-in-cancelled");
    expect(refusalOf({ error: "invalid_grant", description: "grant request is invalid" }).code).toBe(
      "sign-in-expired",
    );
    expect(refusalOf({ error: "constructor" }).code).toBe("esia-request-rejected");
  });

  it("names the parameters that were lacking and nothing else of the description", () => {
    const lacking = "ESIA-007014: The request doesn`t contain the mandatory parameter [state, client_id].";
    expect(refused(lacking).detail).toBe("ESIA-007014 [state, client_id]");
    expect(refused("ESIA-007003: СНИЛС 900-000-001 82 [<b>]").detail).toBe("ESIA-007003");
  });

  it("never carries a forged text into our answer", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (error, description) => {
        expect(refusalOf({ error, description }).detail).toMatch(
          /^(OAuth error [a-z_]{1,40}|an unreadable OAuth error|ESIA-\d{6}( \[[a-z_, ]+\])?)$/,
        );
      }),
    );
  });

  it("has its code at the head of the description only", () => {
    expect(esiaCodeOf("ESIA-007014: x")).toBe("007014");
    expect(esiaCodeOf("see ESIA-007014")).toBeUndefined();
    expect(esiaCodeOf("ESIA-0070145")).toBeUndefined();
  });
});

it("an overload inside an attempt is one that the pipeline may try again", () => {
  expect(attemptFailureOf({ error: "server_error" }).code).toBe("upstream-unavailable");
  expect(attemptFailureOf({ error: "invalid_grant" }).code).toBe("sign-in-expired");
});

describe("a failure of the way", () => {
  it("is told as the portal being down, with the pipeline's Retry-After where there is one", () => {
    const busy = new GatewayError("upstream-unavailable", { retryAfter: 7 });
    expect(signInFailure(busy)).toMatchObject({ code: "auth-upstream-down", retryAfter: 7, cause: busy });
    expect(signInFailure(new GatewayError("upstream-malformed"))).toMatchObject({ retryAfter: 60 });
  });

  it("of another kind stays what it is", () => {
    const wrong = new GatewayError("upstream-wrong-shape");
    expect(signInFailure(wrong)).toBe(wrong);
  });
});

it("every code of a sign-in has a Russian text, a cause, a remedy and its line in the documentation", () => {
  const document = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
  const codes = Object.entries(errorTable).filter(([code]) =>
    /^(sign-in|auth|esia)-|^account-|^phone-/.test(code),
  );
  expect(codes.length).toBeGreaterThan(15);
  for (const [code, row] of codes) {
    expect(row.text, code).toMatch(/[а-яё]{4}/i);
    expect(row.remedy, code).toMatch(/[а-яё]{4}/i);
    expect(row.meaning.length, code).toBeGreaterThan(10);
    expect(document.includes(`\`${code}\``), code).toBe(true);
  }
});

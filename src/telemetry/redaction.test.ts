import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { logFields } from "../core/logger.ts";
import { createLogger } from "./log.ts";
import { maskText } from "./redaction.ts";

const secrets = {
  snils: "112-233-445 95",
  snilsDigits: "11223344595",
  surname: "Константинопольский",
  fullName: "Иванов Пётр Сергеевич",
  phone: "+7 (921) 123-45-67",
  mail: "ivanov@example.org",
  enp: "7754320835001234",
  birthDate: "1980-01-31",
  token: "eyJhbGciOiJSUzM4NCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
  opaque: "c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl",
};

function logged(write: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  write(createLogger({ level: "debug", version: "0.0.0", clock: new ManualClock(), destination }));
  return lines.join("");
}

describe("redaction", () => {
  const fields = ["detail", "name", "route", "snils", "patient", "headers", "body", "url", "actor", "cause"];

  it("СНИЛС, names and tokens put into any field, message or error leave no trace in the output", () => {
    for (const secret of Object.values(secrets)) {
      const output = logged((log) => {
        for (const field of fields) {
          log.info({ [field]: secret }, "field");
          log.warn({ [field]: { deep: secret, name: secret } }, "nested");
          log.error({ [field]: [secret] }, "list");
        }
        log.info({ [secret]: 1 }, "key");
        log.info({ url: `/fhir/Patient?identifier=${secret}` }, "query");
        log.debug({ code: Number(secret.replace(/\D/g, "") || 0) }, "number");
        log.error({ error: new Error(secret) }, "error");
        const cause = new SyntaxError(`Unexpected token, "${secret}" is not valid JSON`);
        log.error({ error: new GatewayError("internal", { detail: `saw ${secret}`, cause }) }, "cause");
        log.info({}, `message with ${secret}`);
      });
      expect(output).not.toContain(secret);
      expect(output).not.toContain(JSON.stringify(secret).slice(1, -1));
    }
  });

  it("any СНИЛС in any spelling is masked", () => {
    const digits = fc.stringMatching(/^\d{11}$/);
    const spelled = digits.map((d) => [
      d,
      `${d.slice(0, 3)}-${d.slice(3, 6)}-${d.slice(6, 9)} ${d.slice(9)}`,
      `${d.slice(0, 3)}.${d.slice(3, 6)}.${d.slice(6, 9)}.${d.slice(9)}`,
    ]);
    fc.assert(
      fc.property(spelled, fc.constantFrom("", "snils=", "person ", "("), (spellings, before) => {
        for (const text of spellings) expect(maskText(before + text)).not.toContain(text);
      }),
    );
  });

  it("a field outside the list is withheld whatever it holds, and counted", () => {
    const line = JSON.parse(
      // @ts-expect-error a field outside the list does not compile
      logged((log) => log.info({ family: "Ivanov", name: "Petr", route: "/x" }, "seen")),
    );
    expect(line).toMatchObject({ route: "/x", withheld: 2 });
    expect(JSON.stringify(line)).not.toMatch(/Ivanov|Petr/);
  });

  it("every field that the code may log reaches the line", () => {
    const line = JSON.parse(
      logged((log) => log.info(Object.fromEntries(logFields.map((field) => [field, "told"])), "seen")),
    );
    for (const field of logFields) expect(line[field]).toBe("told");
    expect(line).not.toHaveProperty("withheld");
  });

  it("ids that we made stay readable", () => {
    for (const id of [
      "6d9c9b3e-6a3b-4a7e-9f0e-2c8d7f9a1b11",
      "0af7651916cd43dd8448eb211c80319c",
      "1.2.643.5.1.13.13.12.2.77.8312",
    ])
      expect(maskText(id)).toBe(id);
  });

  it("an error is logged with its code and frames, without the message of a foreign error", () => {
    const output = logged((log) => log.error({ error: new Error("from upstream: secret") }, "failed"));
    const { error } = JSON.parse(output);
    expect(error.type).toBe("Error");
    expect(error.frames[0]).toMatch(/^at /);
    expect(output).not.toContain("from upstream");
  });
});

import { describe, expect, it } from "vitest";
import { pdfText } from "../../../test/support/pdf-text.ts";
import { type ConfirmationFacts, confirmationPdf } from "./confirmation.ts";

const facts: ConfirmationFacts = {
  id: "0b9c1f0e-6b0f-4a52-8a0c-6f1a2b3c4d5e",
  name: "Семёнова-Тестовая Анна Петровна",
  birthDate: "1990-02-01",
  snils: "90000000182",
  at: Date.UTC(2026, 10, 21, 20, 30),
  sandboxed: true,
};
const textOf = async (change: Partial<ConfirmationFacts> = {}) =>
  pdfText(await confirmationPdf({ ...facts, ...change }));

describe("the electronic confirmation", () => {
  it("is a PDF that says who, what and when, in Russian letters", async () => {
    expect(
      Buffer.from(await confirmationPdf(facts))
        .subarray(0, 5)
        .toString(),
    ).toBe("%PDF-");
    const text = await textOf();
    for (const words of [
      "Данные подтверждены",
      "Семёнова-Тестовая Анна Петровна",
      "01.02.1990",
      "900-000-001-82",
      "21 ноября 2026 г. в 23:30:00",
      facts.id,
    ])
      expect(text.replace(/\n/g, " ")).toContain(words);
  });

  it("of a sandbox is marked as without legal force, of a real registry it is not", async () => {
    expect(await textOf()).toContain("Без юридической силы (песочница)");
    expect(await textOf({ sandboxed: false })).not.toContain("песочница");
  });

  it("never claims a qualified signature", async () => {
    expect(await textOf()).not.toMatch(/квалифицированн|юридически значим/i);
  });
});

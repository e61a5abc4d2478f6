import { createRequire } from "node:module";
import { buffer } from "node:stream/consumers";
import { formatSnils } from "../../core/identifiers.ts";

/** What a confirmation says. */
export interface ConfirmationFacts {
  id: string;
  name: string;
  /** ISO day */
  birthDate?: string;
  /** 11 digits */
  snils: string;
  /** clock milliseconds of the check */
  at: number;
  /** the registry was played by a sandbox */
  sandboxed: boolean;
}

const require = createRequire(import.meta.url);
// PT Sans, SIL Open Font License 1.1; fonts that a PDF reader brings along have no Cyrillic
const fonts = () => ({
  regular: require.resolve("@expo-google-fonts/pt-sans/400Regular/PTSans_400Regular.ttf"),
  bold: require.resolve("@expo-google-fonts/pt-sans/700Bold/PTSans_700Bold.ttf"),
});

const moscow = new Intl.DateTimeFormat("ru-RU", {
  dateStyle: "long",
  timeStyle: "medium",
  timeZone: "Europe/Moscow",
});

/** The electronic confirmation of a full match as a one-page A4 PDF (V-23). */
export async function confirmationPdf(facts: ConfirmationFacts): Promise<Uint8Array> {
  const { default: PDFDocument } = await import("pdfkit");
  const { regular, bold } = fonts();
  const title = "Подтверждение проверки данных";
  const document = new PDFDocument({
    size: "A4",
    margin: 64,
    lang: "ru-RU",
    displayTitle: true,
    info: { Title: title, CreationDate: new Date(facts.at) },
    font: regular,
  });
  const written = buffer(document);
  if (facts.sandboxed)
    document.font(bold, 12).fillColor("#b00020").text("Без юридической силы (песочница)").moveDown(2);
  document.fillColor("#000000").font(bold, 20).text(title).moveDown();
  document.font(regular, 12);
  document
    .text(
      "Сведения учётной записи Госуслуг совпали с записью Федерального регистра медицинских работников (ФРМР).",
    )
    .moveDown();
  for (const [label, value] of linesOf(facts))
    document.font(bold).text(`${label}: `, { continued: true }).font(regular).text(value);
  document
    .moveDown(2)
    .fillColor("#555555")
    .fontSize(10)
    .text("Документ сформирован автоматически и не подписан электронной подписью.");
  document.end();
  return written;
}

function linesOf({ id, name, birthDate, snils, at }: ConfirmationFacts): [label: string, value: string][] {
  return [
    ["Результат", "Данные подтверждены"],
    ["Фамилия, имя, отчество", name],
    ["Дата рождения", birthDate?.split("-").reverse().join(".") ?? "не указана"],
    ["СНИЛС", formatSnils(snils)],
    ["Проверено", `${moscow.format(at)} (московское время)`],
    ["Номер проверки", id],
  ];
}

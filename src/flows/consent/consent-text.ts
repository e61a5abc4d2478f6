import type { ConsentKind, Right } from "../../access/access-facts.ts";
import type { ConsentTerms, Grantee, StoredConsent } from "./consent-terms.ts";

/** The version of every text below; a changed text takes a new one, consents keep theirs. */
const consentTextVersion = "2026-11-23";

// the texts before it forbade access to the card, whatever rights were asked for
const refusalNamesRightsSince = "2026-11-23";

/** The rights that a consent speaks of, by the text that the person agreed to. */
export function rightsByText(
  { decision, rights }: Pick<ConsentTerms, "decision" | "rights">,
  version: string,
): readonly Right[] {
  return decision === "deny" && version < refusalNamesRightsSince ? ["view", "enter"] : rights;
}

const consentTitles: Readonly<Record<ConsentKind, string>> = {
  processing: "Согласие на обработку персональных данных",
  treatment: "Информированное добровольное согласие на медицинское вмешательство",
  access: "Разрешение на доступ к медицинской карте",
  prescription: "Согласие на оформление рецептов в форме электронного документа",
};

const lawful =
  "Отказ и отзыв не прекращают обмен сведениями, который закон допускает без согласия (323-ФЗ, ст. 13, ч. 4).";

/** What the person agrees to, word for word, with the names that they saw. */
export function consentText(terms: ConsentTerms): StoredConsent["text"] {
  const { kind, decision, patient } = terms;
  const isRefusal = decision === "deny";
  const title = isRefusal ? "Запрет доступа к медицинской карте" : consentTitles[kind];
  const whose = patient.name ? `Пациент: ${patient.name}.` : "";
  const body = [whose, isRefusal ? refusalText(terms) : bodies[kind](terms), periodText(terms), lawful];
  return { version: consentTextVersion, title, body: body.filter(Boolean).join("\n") };
}

const bodies: Readonly<Record<ConsentKind, (terms: ConsentTerms) => string>> = {
  processing: () =>
    "Я согласен на обработку моих персональных данных, включая сведения о здоровье, оператором медицинского кабинета: сбор, запись, хранение, уточнение, использование, передачу медицинским организациям, которым я дам разрешение, и уничтожение (152-ФЗ, ст. 9 и 10). Цель – работа моего кабинета. Без этого согласия кабинет не оформляет разрешения на доступ; медицинская помощь от него не зависит. Согласие можно отозвать в кабинете в любое время, тогда прекращаются и данные в нём разрешения.",
  treatment: ({ grantee }) =>
    `Я даю согласие на виды медицинских вмешательств, включённые в перечень для первичной медико-санитарной помощи, ${granteeText(grantee)}. Цели, методы, риск, последствия и возможность отказа мне разъяснены (323-ФЗ, ст. 20).`,
  access: ({ grantee, rights, types, labels }) =>
    [
      `Я разрешаю ${rightsText(rights)} ${granteeText(grantee)}.`,
      types ? `Только разделы: ${types.join(", ")}.` : "Вся карта.",
      labels ? `Включая документы с ограниченным доступом (${labels.join(", ")}).` : "",
    ]
      .filter(Boolean)
      .join(" "),
  prescription: () =>
    "Я согласен на оформление рецептов на лекарственные препараты в форме электронного документа. По моей просьбе рецепт выдаётся на бумаге.",
};

const rightTexts = {
  view: "просмотр моей медицинской карты",
  enter: "внесение данных в мою медицинскую карту",
};

const rightsText = (rights: readonly Right[]): string => rights.map((right) => rightTexts[right]).join(" и ");

const refusalText = ({ grantee, rights, types }: ConsentTerms): string =>
  `Я запрещаю ${rightsText(rights)} ${grantee ? granteeText(grantee) : "всем, кому этого не разрешает закон"}. ${types ? `Только разделы: ${types.join(", ")}.` : ""}`.trim();

function granteeText({ practitioner, organization, booked }: Grantee = {}): string {
  if (booked) return "специалистам, к которым я запишусь на приём, на время приёма";
  const where = organization && `организации ${organization.name ?? organization.id}`;
  const who = practitioner && `медицинскому работнику ${practitioner.name ?? practitioner.id}`;
  return [who, where].filter(Boolean).join(", ");
}

function periodText({ from, until }: ConsentTerms): string {
  if (from === undefined && until === undefined) return "Срок: до отзыва.";
  return `Срок: ${[from && `с ${day(from)}`, until && `до ${day(until)}`].filter(Boolean).join(" ")}, если не отозвано раньше.`;
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 10).split("-").reverse().join(".");

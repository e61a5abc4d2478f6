import { createHash, randomUUID } from "node:crypto";
import type { DocumentOrder, SigningWorker } from "./terms.ts";

/** What a worker signs to open a patient's card in one session: logical ids and a number of one use, no word about the patient. */
export function cardRequest(
  { roleId, organization, session = "" }: SigningWorker,
  subject: string,
  at: number,
): Pick<DocumentOrder, "title" | "contentType" | "content"> {
  const lines = [
    "Запрос на доступ к карте пациента",
    `Пациент: ${subject}`,
    `Должность: ${roleId}`,
    `Организация: ${organization}`,
    `Время: ${new Date(at).toISOString()}`,
    // a digest: what is signed is kept, and may be shown
    `Сеанс: ${createHash("sha256").update(session).digest("hex").slice(0, 32)}`,
    `Номер: ${randomUUID()}`,
  ];
  return {
    title: "Запрос на доступ к карте пациента",
    contentType: "text/plain; charset=utf-8",
    content: Buffer.from(`${lines.join("\n")}\n`),
  };
}

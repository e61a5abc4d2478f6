import { randomUUID } from "node:crypto";
import type { DocumentOrder, SigningWorker } from "./terms.ts";

/** What a worker signs to open a patient's card: logical ids and a number of one use, no word about the patient. */
export function cardRequest(
  { roleId, organization }: SigningWorker,
  subject: string,
  at: number,
): Pick<DocumentOrder, "title" | "contentType" | "content"> {
  const lines = [
    "Запрос на доступ к карте пациента",
    `Пациент: ${subject}`,
    `Должность: ${roleId}`,
    `Организация: ${organization}`,
    `Время: ${new Date(at).toISOString()}`,
    `Номер: ${randomUUID()}`,
  ];
  return {
    title: "Запрос на доступ к карте пациента",
    contentType: "text/plain; charset=utf-8",
    content: Buffer.from(`${lines.join("\n")}\n`),
  };
}

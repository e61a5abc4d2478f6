/** What a person reads. */
export interface NoticeText {
  subject: string;
  text: string;
}

/** Who opened whose card: logical ids, which tell nobody but the journal's readers who it was. */
interface OpenedCard {
  at: string;
  worker: string;
  role: string;
  /** ФРМО OID */
  organization: string;
  patient: string;
  /** request id, by which the journal explains it */
  request: string;
}

/** Parameters of each kind of notice: nothing that tells of health, of a doctor's name or of a specialty. */
export interface NoticeParameters {
  "consent-code": { code: string; minutes: number };
  "withdrawal-code": { code: string; minutes: number };
  "consent-granted": object;
  "consent-withdrawn": object;
  "new-device": { at: string; browser: string };
  "emergency-access": OpenedCard;
  "legal-ground-access": OpenedCard;
  "session-compromised": { at: string };
  "certificate-expiry": { days: number };
  "certificate-code": { code: string; minutes: number };
}

export type NoticeKind = keyof NoticeParameters;

const notAsked = "Если это были не вы, войдите в кабинет и обратитесь в поддержку.";
const secret = "Никому его не сообщайте, в том числе сотрудникам поддержки.";

const whoOpened = ({ at, worker, role, organization, patient, request }: OpenedCard): string =>
  [
    `Время: ${at}.`,
    `Карта: Patient/${patient}.`,
    `Работник: Practitioner/${worker}, PractitionerRole/${role}, организация ${organization}.`,
    `Причина или основание – в журнале кабинета, запрос ${request}.`,
  ].join(" ");

type Templates = { [Kind in NoticeKind]: (parameters: NoticeParameters[Kind]) => NoticeText };

const templates: Templates = {
  "consent-code": ({ code, minutes }) => ({
    subject: "Код подтверждения",
    text: `${code} – код подтверждения в медицинском кабинете, действует ${minutes} мин. ${secret}`,
  }),
  "withdrawal-code": ({ code, minutes }) => ({
    subject: "Код отзыва",
    text: `${code} – код отзыва разрешения в медицинском кабинете, действует ${minutes} мин. ${secret}`,
  }),
  "consent-granted": () => ({
    subject: "Разрешение подтверждено",
    text: `В медицинском кабинете подтверждено ваше разрешение. Список разрешений – в кабинете. ${notAsked}`,
  }),
  "consent-withdrawn": () => ({
    subject: "Разрешение отозвано",
    text: `В медицинском кабинете отозвано ваше разрешение. Список разрешений – в кабинете. ${notAsked}`,
  }),
  "new-device": ({ at, browser }) => ({
    subject: "Вход с нового устройства",
    text: `Вход в медицинский кабинет с нового устройства: ${browser}, ${at}. Если это были не вы, сразу смените пароль Госуслуг и обратитесь в поддержку.`,
  }),
  "emergency-access": (opened) => ({
    subject: "Экстренный доступ",
    text: `К медицинской карте обратились в режиме экстренного доступа. ${whoOpened(opened)}`,
  }),
  "session-compromised": ({ at }) => ({
    subject: "Подозрительный сеанс",
    text: `Все сеансы пользователя медицинского кабинета завершены: токен одного из них предъявило чужое устройство, ${at}. Кто – в журнале кабинета, код session-compromised.`,
  }),
  "legal-ground-access": (opened) => ({
    subject: "Доступ на основании закона",
    text: `К медицинской карте обратились без согласия пациента со ссылкой на закон (323-ФЗ, ст. 13, ч. 4). ${whoOpened(opened)}`,
  }),
  "certificate-code": ({ code, minutes }) => ({
    subject: "Код активации",
    text: `${code} – код активации сертификата в медицинском кабинете, действует ${minutes} мин. ${secret}`,
  }),
  "certificate-expiry": ({ days }) => ({
    subject: "Срок действия сертификата",
    text: `Сертификат электронной подписи в медицинском кабинете истекает через ${days} дн. Получите новый в удостоверяющем центре.`,
  }),
};

/** The Russian text of a notice. */
export function noticeText<Kind extends NoticeKind>(
  kind: Kind,
  parameters: NoticeParameters[Kind],
): NoticeText {
  return (templates[kind] as (parameters: NoticeParameters[Kind]) => NoticeText)(parameters);
}

type Compact = [meaning: string, text: string];

// biome-ignore format: a table reads by the row
const permits = {
  "own-directory": ["What a client system keeps of its own organisation and describes no patient", "Справочники своей организации"],
  "system-data": ["Registry and terminology data that describe no patient", "Справочные данные системы"],
  "own-data": ["The person's own data", "Собственные данные"],
  representative: ["Legal representative of a child under 15 or of an incapable person (323-ФЗ art. 20 p. 2)", "Законный представитель пациента"],
  "security-duty": ["The security service reads the journal", "Контроль службы безопасности"],
  "support-duty": ["Support looks at how a person was verified", "Поддержка: ход проверки личности"],
  "regulator-duty": ["A regulator looks at the journal of its remit", "Контроль регулятора в своей зоне ответственности"],
  "own-organization": ["Working data of the worker's own organisation", "Рабочие данные своей организации"],
  "consent-access": ["The patient's consent to access names the worker or the organisation", "Согласие пациента на доступ к карте"],
  "named-in-consent": ["The consent names the worker or their organisation", "Согласие дано этому работнику или организации"],
  "care-assigned": ["The worker is assigned to the patient", "Пациент закреплён за врачом"],
  "care-booked": ["The patient is booked with the worker and permitted access", "Пациент записан на приём и разрешил доступ"],
  "323-13-4-1": ["323-ФЗ art. 13 p. 4 item 1: care for a person who can't express their will", "Помощь гражданину, который не способен выразить свою волю (323-ФЗ, ст. 13, ч. 4, п. 1)"],
  "323-13-4-2": ["323-ФЗ art. 13 p. 4 item 2: threat of infectious disease, mass poisoning or injury", "Угроза инфекций, массовых отравлений и поражений (323-ФЗ, ст. 13, ч. 4, п. 2)"],
  "323-13-4-3": ["323-ФЗ art. 13 p. 4 item 3: request of a court, inquiry, prosecution", "Запрос суда, следствия, прокуратуры (323-ФЗ, ст. 13, ч. 4, п. 3)"],
  "323-13-4-4": ["323-ФЗ art. 13 p. 4 item 4: informing a parent of a minor in care", "Информирование родителя несовершеннолетнего (323-ФЗ, ст. 13, ч. 4, п. 4)"],
  "323-13-4-5": ["323-ФЗ art. 13 p. 4 item 5: telling the police of harm done unlawfully", "Сообщение о вреде от противоправных действий (323-ФЗ, ст. 13, ч. 4, п. 5)"],
  "323-13-4-6": ["323-ФЗ art. 13 p. 4 item 6: military medical examination", "Военно-врачебная экспертиза (323-ФЗ, ст. 13, ч. 4, п. 6)"],
  "323-13-4-7": ["323-ФЗ art. 13 p. 4 item 7: inquiry into an accident at work or an occupational disease", "Расследование несчастного случая или профзаболевания (323-ФЗ, ст. 13, ч. 4, п. 7)"],
  "323-13-4-8": ["323-ФЗ art. 13 p. 4 item 8: exchange between medical organisations for care", "Обмен между медицинскими организациями для оказания помощи (323-ФЗ, ст. 13, ч. 4, п. 8)"],
  "323-13-4-9": ["323-ФЗ art. 13 p. 4 item 9: accounting and control in compulsory social insurance", "Учёт и контроль обязательного социального страхования (323-ФЗ, ст. 13, ч. 4, п. 9)"],
  "323-13-4-10": ["323-ФЗ art. 13 p. 4 item 10: control of quality and safety of care", "Контроль качества и безопасности помощи (323-ФЗ, ст. 13, ч. 4, п. 10)"],
  "break-glass": ["Emergency access with a stated reason; raises an alert", "Экстренный доступ с указанием причины"],
} satisfies Record<string, Compact>;

// biome-ignore format: a table reads by the row
const refusals = {
  "type-unknown": ["No rule speaks of this resource type", "Для этого вида данных нет правила доступа"],
  "human-unnamed": ["The token of a client system names no human behind it", "Не указан человек, от имени которого действует система"],
  "purpose-unfit": ["No purpose of use, or one that does not suit the actor", "Цель доступа не указана или не подходит"],
  "organization-missing": ["The worker has chosen no organisation and post", "Не выбраны организация и должность"],
  "worker-inactive": ["ФРМР does not confirm the worker as active", "Работник не подтверждён в реестре как действующий"],
  "post-unfit": ["The worker's post does not open this section", "Должность работника не открывает этот раздел"],
  "second-factor": ["A patient's card opens after a login by certificate or with a second factor", "Для медицинской карты нужен вход по сертификату или с подтверждением"],
  "signature-level": ["The action needs a stronger signature", "Требуется более надёжная электронная подпись"],
  "treatment-consent-missing": ["No informed consent to care (323-ФЗ art. 20)", "Нет информированного согласия на вмешательство"],
  "prescription-consent-missing": ["No consent of the patient to an electronic prescription", "Нет согласия пациента на электронный рецепт"],
  "other-organization": ["The record was made by another organisation, which alone may change it", "Запись другой организации изменить нельзя"],
  "refused-by-patient": ["The patient has forbidden this access", "Пациент запретил доступ"],
  "label-too-high": ["What grounds the access does not reach the document's confidentiality", "Документ имеет более высокий уровень конфиденциальности"],
  "no-ground": ["Nothing grounds the access: all that is not permitted is denied", "Нет оснований для доступа"],
} satisfies Record<string, Compact>;

export type PermitCode = keyof typeof permits;
export type RefusalCode = keyof typeof refusals;
/** Items of 323-ФЗ art. 13 p. 4: access without the patient's consent. */
export type LegalGround = Extract<PermitCode, `323-${string}`>;

/** A reason with its English meaning and the Russian text for people. */
export interface CodedReason<Code extends string = PermitCode | RefusalCode> {
  code: Code;
  meaning: string;
  text: string;
}

const coded = <Code extends string>(rows: Record<Code, Compact>) =>
  Object.fromEntries(
    Object.entries<Compact>(rows).map(([code, [meaning, text]]) => [code, { code, meaning, text }]),
  ) as Readonly<Record<Code, CodedReason<Code>>>;

export const permitReasons = coded<PermitCode>(permits);
export const refusalReasons = coded<RefusalCode>(refusals);

/** What would have to be there for the access to be permitted. */
export type Missing =
  | "rule"
  | "human"
  | "purpose-of-use"
  | "organization"
  | "active-worker"
  | "post"
  | "second-factor"
  | "signature-simple"
  | "signature-enhanced"
  | "signature-qualified"
  | "consent-access"
  | "consent-treatment"
  | "consent-prescription"
  | "consent-for-label"
  | "care-relation"
  | "legal-ground"
  | "own-record"
  | "security-duty";

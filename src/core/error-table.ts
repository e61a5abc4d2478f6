/**
 * The one table of errors: code -> HTTP status, FHIR issue code, what it means, Russian text for the user,
 * remedy, and the retry contract. docs/errors.md is generated from it (L-52, L-53).
 */
export interface ErrorRow {
  status: number;
  /** FHIR R4 issue-type code */
  issue: string;
  /** for engineers */
  meaning: string;
  /** for portal users */
  text: string;
  remedy: string;
  /** may the same call be sent again, and must it carry the same Idempotency-Key */
  retry: "never" | "after-fix" | "later" | "same-key";
}

type Compact = [
  status: number,
  issue: string,
  retry: ErrorRow["retry"],
  meaning: string,
  text: string,
  remedy: string,
];

// biome-ignore format: a table reads by the row
const compact = {
  // what the caller sent
  "bad-request": [400, "invalid", "after-fix", "The request is not well-formed", "Запрос составлен неверно", "Исправьте указанное поле и повторите запрос"],
  "unsupported-media-type": [415, "not-supported", "after-fix", "The Content-Type is not one that the route reads", "Формат тела запроса не поддерживается", "Укажите Content-Type из документации операции"],
  "not-acceptable": [406, "not-supported", "after-fix", "The route can't answer in an accepted format", "Запрошенный формат ответа не поддерживается", "Укажите Accept: application/fhir+json или application/json"],
  "payload-too-large": [413, "too-long", "after-fix", "The body is over the limit of the route", "Тело запроса слишком велико", "Уменьшите объём данных в запросе"],
  "invalid-snils": [400, "value", "after-fix", "A СНИЛС has a wrong format or check digits", "СНИЛС указан с ошибкой", "Проверьте 11 цифр СНИЛС по документу"],
  "invalid-identifier": [400, "value", "after-fix", "An identifier has a wrong format or check digit", "Идентификатор указан с ошибкой", "Проверьте номер по документу"],
  "unknown-parameter": [400, "not-supported", "after-fix", "A search parameter is not supported by this type", "Параметр поиска не поддерживается", "Смотрите список параметров в /fhir/metadata или передайте Prefer: handling=lenient"],
  "identifier-in-url": [400, "security", "after-fix", "A personal identifier came in a URL", "Персональный идентификатор передан в адресе запроса", "Передайте параметры поиска в теле: POST _search"],
  "not-found": [404, "not-found", "after-fix", "No such resource or route", "Запись не найдена", "Проверьте адрес и идентификатор"],
  gone: [410, "deleted", "never", "The resource was deleted or the link expired", "Запись удалена или срок действия ссылки истёк", "Повторите поиск"],
  "method-not-allowed": [405, "not-supported", "after-fix", "The route exists, the method does not", "Действие не поддерживается", "Смотрите документацию операции"],
  "unsupported-type": [404, "not-supported", "after-fix", "The FHIR resource type is not served here", "Тип ресурса не поддерживается", "Смотрите /fhir/metadata"],
  "validation-failed": [422, "invariant", "after-fix", "The content breaks a rule of its profile", "Данные не прошли проверку", "Исправьте указанные элементы и повторите запрос"],
  "version-conflict": [412, "conflict", "after-fix", "If-Match does not name the current version", "Запись изменена другим пользователем", "Прочитайте текущую версию и повторите изменение"],
  "idempotency-conflict": [409, "conflict", "never", "The Idempotency-Key was used with another body", "Ключ повтора уже использован для другого запроса", "Создайте новый ключ для нового запроса"],
  "rate-limited": [429, "throttled", "later", "The client is over its rate limit", "Слишком много запросов", "Повторите запрос после указанного времени"],
  // who the caller is
  unauthorized: [401, "login", "after-fix", "No valid access token or session", "Требуется вход", "Войдите снова или получите новый токен"],
  "token-expired": [401, "expired", "after-fix", "The access token or session has run out", "Срок действия сеанса истёк", "Войдите снова"],
  forbidden: [403, "forbidden", "never", "The caller has no right to this action", "Недостаточно прав", "Обратитесь к администратору организации"],
  "scope-missing": [403, "forbidden", "after-fix", "The token lacks the scope of this operation", "Токен не даёт права на эту операцию", "Запросите токен с нужной областью доступа"],
  "csrf-rejected": [403, "security", "after-fix", "The request did not come from our own page", "Запрос отклонён защитой от подделки", "Обновите страницу и повторите действие"],
  // token endpoint, RFC 6749 section 5.2
  "invalid-client": [401, "login", "after-fix", "Client authentication failed", "Клиент не опознан", "Проверьте client_id, ключ и утверждение клиента"],
  "invalid-assertion": [401, "login", "after-fix", "The client assertion is malformed, expired, replayed or wrongly signed", "Утверждение клиента не принято", "Создайте новое утверждение со свежим jti и сроком не более 5 минут"],
  "invalid-scope": [400, "invalid", "after-fix", "The scope is unknown or not granted to the client", "Область доступа не разрешена", "Запросите только разрешённые области доступа"],
  "unsupported-grant-type": [400, "not-supported", "after-fix", "Only client_credentials is served", "Вид разрешения не поддерживается", "Используйте grant_type=client_credentials"],
  // a system behind us
  "upstream-unavailable": [503, "transient", "later", "The external system does not answer or its breaker is open", "Внешняя система временно недоступна", "Повторите запрос позже"],
  "upstream-timeout": [504, "timeout", "same-key", "The external system did not answer in time; the request may have been carried out", "Внешняя система не ответила вовремя", "Повторите запрос с тем же ключом Idempotency-Key"],
  "upstream-rate-limited": [503, "throttled", "later", "The external system or our quota for it refused the call", "Внешняя система ограничила число запросов", "Повторите запрос после указанного времени"],
  "upstream-malformed": [502, "exception", "later", "The external system's answer could not be read", "Внешняя система прислала неверный ответ", "Повторите запрос позже; сведения переданы оператору"],
  "upstream-wrong-shape": [502, "structure", "later", "The external system's answer does not match its contract", "Ответ внешней системы не соответствует описанию", "Повторите запрос позже; сведения переданы оператору"],
  "upstream-too-large": [502, "too-costly", "never", "The external system's answer is over the size limit", "Ответ внешней системы слишком велик", "Уточните запрос"],
  "upstream-rejected": [502, "processing", "after-fix", "The external system refused the call", "Внешняя система отклонила запрос", "Исправьте данные по сообщению системы"],
  "unmapped-code": [502, "code-invalid", "later", "A code of the external system has no counterpart in the mapping", "Код внешней системы не найден в справочнике", "Сведения переданы оператору для дополнения справочника"],
  "mapping-failed": [502, "processing", "later", "The external system's answer could not be mapped to FHIR", "Ответ внешней системы не удалось преобразовать", "Сведения переданы оператору"],
  "person-not-found": [404, "not-found", "after-fix", "The workers' registry (ФРМР) knows no such person", "Медицинский работник не найден в реестре", "Проверьте СНИЛС или обратитесь в кадровую службу организации"],
  "person-duplicated": [409, "duplicate", "after-fix", "The workers' registry (ФРМР) holds several persons under one СНИЛС", "В реестре найдено несколько записей с этим СНИЛС", "Обратитесь в кадровую службу для объединения записей"],
  "organization-not-found": [404, "not-found", "after-fix", "The organisations' registry (ФРМО) knows no such organisation", "Организация не найдена в реестре", "Проверьте OID организации"],
  "dictionary-not-found": [404, "not-found", "after-fix", "The register of dictionaries (НСИ) knows no such dictionary or version", "Справочник не найден", "Проверьте OID и версию справочника"],
  // ourselves
  draining: [503, "transient", "later", "This replica is shutting down", "Сервис перезапускается", "Повторите запрос через несколько секунд"],
  overloaded: [503, "throttled", "later", "This replica sheds load", "Сервис перегружен", "Повторите запрос через несколько секунд"],
  "deadline-exceeded": [504, "timeout", "same-key", "The request's own deadline ran out", "Запрос не успел выполниться", "Повторите запрос с тем же ключом Idempotency-Key"],
  "store-unavailable": [503, "transient", "same-key", "Our own database does not answer", "Хранилище временно недоступно", "Повторите запрос позже"],
  internal: [500, "exception", "same-key", "A fault of ours; the log has it under the request id", "Внутренняя ошибка", "Повторите запрос; при повторении сообщите номер запроса в поддержку"],
} satisfies Record<string, Compact>;

export type ErrorCode = keyof typeof compact;

/** Every error that the product can answer with, by its code. */
export const errorTable = Object.fromEntries(
  Object.entries(compact as Record<string, Compact>).map(
    ([code, [status, issue, retry, meaning, text, remedy]]) => [
      code,
      { status, issue, retry, meaning, text, remedy },
    ],
  ),
) as Readonly<Record<ErrorCode, ErrorRow>>;

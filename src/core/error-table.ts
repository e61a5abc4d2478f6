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
  "headers-too-large": [431, "too-long", "after-fix", "The header fields of the request are over the limit", "Заголовки запроса слишком велики", "Уменьшите заголовки запроса; в браузере удалите cookie этого сайта"],
  "request-timeout": [408, "timeout", "later", "The request did not arrive in time", "Запрос не пришёл полностью за отведённое время", "Проверьте соединение и повторите запрос"],
  "payload-too-large": [413, "too-long", "after-fix", "The body is over the limit of the route", "Тело запроса слишком велико", "Уменьшите объём данных в запросе"],
  "invalid-snils": [400, "value", "after-fix", "A СНИЛС has a wrong format or check digits", "СНИЛС указан с ошибкой", "Проверьте 11 цифр СНИЛС по документу"],
  "invalid-identifier": [400, "value", "after-fix", "An identifier has a wrong format or check digit", "Идентификатор указан с ошибкой", "Проверьте номер по документу"],
  "unknown-parameter": [400, "not-supported", "after-fix", "A search parameter is not supported by this type", "Параметр поиска не поддерживается", "Смотрите список параметров в /fhir/metadata или передайте Prefer: handling=lenient"],
  "identifier-in-url": [400, "security", "after-fix", "A personal identifier came in a URL", "Персональный идентификатор передан в адресе запроса", "Передайте параметры поиска в теле: POST _search"],
  "page-expired": [410, "expired", "after-fix", "The link to a page of a search has run out", "Срок действия ссылки на страницу поиска истёк", "Повторите поиск с начала"],
  "page-link-rejected": [400, "security", "after-fix", "The link to a page was changed, or given to another caller or for other scopes", "Ссылка на страницу поиска не принята", "Повторите поиск с начала"],
  "search-too-broad": [400, "too-costly", "after-fix", "The search would take more work than the gateway spends on one", "Поиск слишком широк", "Уточните условия поиска"],
  "not-found": [404, "not-found", "after-fix", "No such resource or route", "Запись не найдена", "Проверьте адрес и идентификатор"],
  gone: [410, "deleted", "never", "The resource was deleted or the link expired", "Запись удалена или срок действия ссылки истёк", "Повторите поиск"],
  "retention-held": [409, "business-rule", "never", "The data must be kept until the named day", "Данные нельзя уничтожить: срок их хранения не истёк", "Дождитесь конца срока хранения или снимите удержание, если оно поставлено оператором"],
  "method-not-allowed": [405, "not-supported", "after-fix", "The route exists, the method does not", "Действие не поддерживается", "Смотрите документацию операции"],
  "unsupported-type": [404, "not-supported", "after-fix", "The FHIR resource type is not served here", "Тип ресурса не поддерживается", "Смотрите /fhir/metadata"],
  "validation-failed": [422, "invariant", "after-fix", "The content breaks a rule of its profile", "Данные не прошли проверку", "Исправьте указанные элементы и повторите запрос"],
  "too-costly": [422, "too-costly", "after-fix", "The answer would be larger than is given at once", "Ответ слишком велик", "Сузьте запрос: filter, либо count и offset"],
  "mapping-refused": [422, "processing", "after-fix", "The map can't convert this content; the detail names map, line, elements and kind of value", "Данные не удалось преобразовать", "Исправьте указанный элемент и повторите запрос"],
  "code-not-mapped": [422, "code-invalid", "after-fix", "A code of this content has no row in the map's code table", "Код не найден в таблице соответствия", "Исправьте код или дополните таблицу соответствия"],
  "map-not-compiled": [501, "not-supported", "after-fix", "The map does not compile; the detail names each place", "Правило преобразования содержит ошибку", "Исправьте правило: npm run mapping -- check"],
  "version-conflict": [412, "conflict", "after-fix", "If-Match does not name the current version", "Запись изменена другим пользователем", "Прочитайте текущую версию и повторите изменение"],
  "criteria-ambiguous": [412, "multiple-matches", "after-fix", "The criteria of a conditional interaction find several resources", "По условиям найдено несколько записей", "Уточните условия, чтобы они находили одну запись"],
  "id-taken": [409, "conflict", "after-fix", "The criteria of a conditional update find nothing, and another resource has the id that was sent", "Запись с таким идентификатором уже есть, но условия находят не её", "Прочитайте запись с этим идентификатором и обновите её по адресу или уточните условия"],
  "not-in-transaction": [422, "not-supported", "after-fix", "The type belongs to another system, which takes no part in our transactions", "Ресурсы этого типа нельзя изменить в одной транзакции с другими", "Отправьте эту запись отдельным запросом или в пакете batch"],
  "patient-known": [409, "duplicate", "after-fix", "The person has a logical id already: the organisation stores their Patient, or another id was sent for it", "Пациент с таким СНИЛС уже заведён", "Обновите запись пациента с указанным идентификатором или создавайте её условно (If-None-Exist)"],
  "idempotency-conflict": [409, "conflict", "never", "The Idempotency-Key was used with another body", "Ключ повтора уже использован для другого запроса", "Создайте новый ключ для нового запроса"],
  "request-running": [409, "conflict", "same-key", "The same request with this Idempotency-Key is still being carried out", "Этот запрос уже выполняется", "Повторите запрос с тем же ключом Idempotency-Key через несколько секунд"],
  "deferred-interrupted": [500, "incomplete", "after-fix", "The process ended while it carried the batch out; entries may have been done, and it is not begun anew", "Пакет обработан не полностью", "Проверьте, какие записи пакета выполнены, и отправьте остальные; создавайте записи с условием If-None-Exist"],
  "read-interrupted": [503, "incomplete", "later", "The changes of the transaction were carried out; the process ended before it read this entry", "Изменения сохранены, чтение не завершено", "Повторите чтение отдельным запросом"],
  "rate-limited": [429, "throttled", "later", "The client is over its rate limit", "Слишком много запросов", "Повторите запрос после указанного времени"],
  // who the caller is
  unauthorized: [401, "login", "after-fix", "No valid access token or session", "Требуется вход", "Войдите снова или получите новый токен"],
  "token-expired": [401, "expired", "after-fix", "The access token or session has run out", "Срок действия сеанса истёк", "Войдите снова"],
  forbidden: [403, "forbidden", "never", "The caller has no right to this action", "Недостаточно прав", "Обратитесь к администратору организации"],
  "access-denied": [403, "forbidden", "after-fix", "No rule grounds the access, or a requirement of it is not met; the detail names what is missing", "Нет оснований для доступа к этим данным", "Получите согласие пациента или обратитесь в службу безопасности организации"],
  "scope-missing": [403, "forbidden", "after-fix", "The token lacks the scope of this operation", "Токен не даёт права на эту операцию", "Запросите токен с нужной областью доступа"],
  "csrf-rejected": [403, "security", "after-fix", "The request did not come from our own page", "Запрос отклонён защитой от подделки", "Обновите страницу и повторите действие"],
  // sessions
  "session-compromised": [401, "security", "after-fix", "A spent session token or one from a foreign device was used: every session of the person is ended", "Все сеансы завершены: сеанс мог попасть к посторонним", "Войдите снова; если это были не вы, смените пароль Госуслуг и обратитесь в поддержку"],
  "worker-session-required": [403, "forbidden", "after-fix", "The person signed in as a citizen; the operation is for medical workers", "Действие доступно только медицинскому работнику", "Выйдите и войдите как медицинский работник"],
  "citizen-session-required": [403, "forbidden", "after-fix", "The person signed in as a worker; the operation is for citizens", "Действие доступно только гражданину", "Выйдите и войдите как гражданин"],
  "terms-required": [409, "business-rule", "after-fix", "The terms of use in force are not accepted yet", "Не приняты условия использования кабинета", "Прочитайте и примите условия, затем повторите действие"],
  "organization-required": [409, "business-rule", "after-fix", "The worker has several organisations and has chosen none", "Не выбрана организация", "Выберите организацию, от имени которой вы работаете"],
  "step-up-required": [401, "login", "after-fix", "The login is too old for a change of identity data", "Для этого действия нужно подтвердить личность ещё раз", "Войдите через Госуслуги повторно: /auth/step-up"],
  // electronic signatures: one text per cause (E-20)
  "signature-format": [422, "structure", "after-fix", "The signature is neither a detached CMS (CAdES-BES) of one signer nor an XML signature of the document", "Формат подписи не поддерживается", "Передайте отсоединённую подпись CMS (файл .sig или .p7s, DER или base64) или подпись XMLDSig документа XML, созданную средством подписи; контейнеры PFX и закрытые ключи не передавайте"],
  "signature-several-certificates": [422, "invariant", "after-fix", "The container holds several signatures", "В одном файле несколько подписей", "Подпишите документ одним сертификатом: каждый подписывающий передаёт свою подпись отдельно"],
  "signature-certificate": [422, "invariant", "after-fix", "The signer's certificate is absent, is not the named one, or its key is not for signing", "Сертификат подписи отсутствует или не предназначен для подписания", "Включите в подпись сертификат подписывающего и выберите сертификат для подписания документов"],
  "signature-value": [422, "security", "after-fix", "The signature value does not verify", "Подпись повреждена", "Подпишите документ заново"],
  "signature-content-differs": [422, "security", "after-fix", "The signed content is not the prepared one", "Подписан другой документ", "Подпишите именно тот документ, который показан в кабинете, не изменяя его"],
  "signature-revoked": [403, "security", "after-fix", "The signer's certificate is revoked", "Сертификат отозван", "Получите новый сертификат в удостоверяющем центре; если вы не отзывали прежний, обратитесь туда сразу"],
  "signature-ca-revoked": [403, "security", "after-fix", "The certificate of an issuing authority is revoked", "Сертификат удостоверяющего центра отозван", "Получите сертификат в другом аккредитованном удостоверяющем центре"],
  "signature-expired-when-signed": [403, "expired", "after-fix", "The certificate was not valid when it signed", "Срок действия сертификата истёк или ещё не начался", "Получите новый сертификат в удостоверяющем центре и подпишите документ заново"],
  "signature-not-trusted": [403, "security", "after-fix", "No path leads from the certificate to a trusted root", "Сертификат выдан удостоверяющим центром, которому кабинет не доверяет", "Используйте сертификат аккредитованного удостоверяющего центра"],
  "signature-owner-mismatch": [403, "security", "after-fix", "The certificate's СНИЛС is not the signer's", "Сертификат принадлежит другому человеку", "Подпишите своим сертификатом: СНИЛС в нём должен совпадать со СНИЛС на Госуслугах"],
  "signature-level": [403, "business-rule", "after-fix", "Certificate or session do not give the level of signature that the action needs", "Для этого действия нужна более надёжная электронная подпись", "Подпишите сертификатом, которого требует это действие, или откройте такой подписью карту пациента"],
  "signature-algorithm": [403, "business-rule", "after-fix", "The region of the organisation takes no signatures of this algorithm", "Алгоритм подписи не принимается в вашем регионе", "Подпишите ключом, который требует регион: обычно это ГОСТ Р 34.10-2012"],
  "signature-power-of-attorney": [403, "business-rule", "after-fix", "The machine-readable power of attorney is absent, unknown, out of date or another person's", "Машиночитаемая доверенность (МЧД) не подтверждена", "Проверьте номер и срок МЧД, выданной вам организацией"],
  "signature-spent": [409, "conflict", "after-fix", "The signature was given for another request or an earlier version already: one signature settles one request", "Эта подпись уже была использована", "Подпишите документ заново: для каждой редакции нужна новая подпись"],
  "document-kind-unknown": [422, "code-invalid", "after-fix", "No rules of signing are known for this kind of document", "Вид документа не найден в правилах подписания", "Выберите вид документа из справочника видов ЭМД или обратитесь к администратору организации"],
  "resource-not-signable": [422, "business-rule", "after-fix", "Resources of this type are not signed, for a signature would freeze them; the detail names those that are", "Такие записи не подписываются: подпись закрыла бы их для изменений", "Подпишите назначение, направление, рецепт, результат или протокол; сведения о пациенте и ходе лечения ведутся без подписи записи"],
  "signer-role-mismatch": [403, "business-rule", "after-fix", "The signer's post takes no role that the document still awaits; the detail names the roles", "Ваша должность не подписывает документ этого вида или подпись этой роли уже есть", "Передайте документ на подпись сотруднику, роль которого названа в ответе"],
  "signatures-missing": [409, "business-rule", "after-fix", "The document awaits further signers and is not in force; the detail names their roles", "Документ подписан не всеми: он не вступил в силу", "Дождитесь подписей сотрудников, роли которых названы в ответе: документ ждёт их в разделе «Ждут моей подписи»"],
  "certificate-pending": [403, "business-rule", "after-fix", "The certificate was not activated in the cabinet by a code, so that it signs nothing here", "Сертификат не активирован в кабинете", "Добавьте сертификат в профиль и введите код из сообщения, затем подпишите документ ещё раз"],
  "certificate-settled": [409, "conflict", "never", "The certificate is active already, was reported lost, or has ended", "Сертификат уже активирован или больше не действует", "Обновите список сертификатов; вместо недействующего добавьте новый"],
  "signature-settled": [409, "conflict", "never", "The request for a signature is settled; another signature can't be put to it", "Документ уже подписан или подписание завершено", "Откройте документ заново"],
  "prescription-not-signed": [422, "business-rule", "after-fix", "The prescription that a MedicationDispense names has no signature in force here", "Рецепт не подписан: по нему нельзя отпускать лекарства", "Дождитесь, пока врач подпишет рецепт в кабинете, и повторите; отказ в отпуске (`declined`) можно записать и сейчас"],
  "signature-unverified": [409, "business-rule", "later", "The signature still waits for the state of its certificate: the document is not in force", "Подпись ещё проверяется, документ не вступил в силу", "Повторите действие после завершения проверки"],
  "prepared-document-expired": [410, "expired", "after-fix", "The prepared bytes were frozen for a limited time, which is over", "Время на подписание истекло", "Откройте документ и подготовьте его к подписанию заново"],
  "resigning-reason-required": [422, "required", "after-fix", "A signed document changes only with the reason of the change and a new signature", "Подписанный документ меняется только с причиной изменения и новой подписью", "Укажите причину изменения и подпишите новую редакцию"],
  "signing-stopped": [403, "forbidden", "after-fix", "The person reported the loss of a signing key and has activated no other certificate by a code since", "Подписание остановлено: вы сообщили об утрате ключа", "Получите новый сертификат, добавьте его в профиль кабинета и введите код из сообщения"],
  "signing-not-allowed": [403, "forbidden", "after-fix", "The session may not sign: the registry has not confirmed the worker", "Подписание сейчас недоступно", "Войдите снова, когда реестр медицинских работников подтвердит ваш статус"],
  // one-time codes and consents
  "code-malformed": [422, "value", "after-fix", "The code is not six digits without spaces", "Код введён неверно: нужны шесть цифр без пробелов", "Введите код из сообщения целиком, без пробелов"],
  "code-wrong": [422, "value", "after-fix", "The code is not the one that was sent last for this action", "Код не подходит", "Введите код из последнего сообщения; если он не пришёл: проверьте номер телефона в профиле Госуслуг; запросите новый код; очистите кэш и cookie этого сайта; если не помогло, обратитесь в поддержку со снимком экрана и идентификатором учётной записи"],
  "code-expired": [422, "expired", "after-fix", "The code ran out, was used, or none was sent", "Срок действия кода истёк", "Запросите новый код; если он не приходит: проверьте номер телефона в профиле Госуслуг; запросите новый код; очистите кэш и cookie этого сайта; если не помогло, обратитесь в поддержку со снимком экрана и идентификатором учётной записи"],
  "code-locked": [429, "throttled", "later", "Three wrong codes: the person's codes are refused for a time", "Код трижды введён неверно, подтверждение временно недоступно", "Повторите через указанное время или обратитесь в поддержку"],
  "code-too-soon": [429, "throttled", "later", "The last code was sent less than a minute ago", "Код уже отправлен", "Дождитесь сообщения; новый код можно запросить через указанное время"],
  "contact-missing": [409, "business-rule", "after-fix", "The ESIA account has neither a confirmed phone nor an e-mail to send a code to", "Некуда отправить код подтверждения", "Добавьте и подтвердите номер телефона в профиле Госуслуг, затем войдите снова"],
  "consent-settled": [409, "business-rule", "never", "The consent does not wait for this: it was confirmed, withdrawn or refused before", "Это согласие уже подтверждено или отозвано", "Обновите список согласий"],
  "processing-consent-required": [409, "business-rule", "after-fix", "The person has not consented to the processing of personal data, on which the cabinet's permissions rest", "Нет согласия на обработку персональных данных", "Подтвердите согласие на обработку персональных данных, затем дайте разрешение; помощь по закону оказывается и без него"],
  "grantee-inactive": [422, "business-rule", "after-fix", "ФРМР does not confirm the named worker as active in that organisation", "Врач не подтверждён в реестре как действующий", "Выберите другого врача или организацию"],
  // token endpoint, RFC 6749 section 5.2
  "invalid-client": [401, "login", "after-fix", "Client authentication failed", "Клиент не опознан", "Проверьте client_id, ключ и утверждение клиента"],
  "invalid-assertion": [401, "login", "after-fix", "The client assertion is malformed, expired, replayed or wrongly signed", "Утверждение клиента не принято", "Создайте новое утверждение со свежим jti и сроком не более 5 минут"],
  "invalid-scope": [400, "invalid", "after-fix", "The scope is unknown or not granted to the client", "Область доступа не разрешена", "Запросите только разрешённые области доступа"],
  "foreign-token": [400, "forbidden", "after-fix", "The token was issued to another client", "Токен выдан другой системе", "Отзывайте только токены своей системы"],
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
  // sign-in through ESIA (L-41..L-52)
  "auth-cookies-disabled": [400, "login", "after-fix", "The callback came without the cookie of the sign-in that it ends", "Браузер не сохранил cookie, вход не завершён", "Включите cookie и локальное хранилище для этого сайта, очистите кэш и начните вход заново"],
  "sign-in-state-rejected": [400, "security", "after-fix", "The callback's state is forged, used up or belongs to another sign-in", "Этот ответ Госуслуг не относится к начатому входу", "Закройте лишние вкладки входа и начните вход заново"],
  "sign-in-state-expired": [400, "expired", "after-fix", "The sign-in took longer than ten minutes", "Время на вход истекло", "Начните вход заново"],
  "child-account": [403, "security", "never", "The ESIA account is a child's", "Вход в кабинет по детской учётной записи невозможен", "Войдите по своей учётной записи: сведения о детях доступны их представителям"],
  "snils-missing": [403, "security", "after-fix", "The ESIA account has no СНИЛС or did not give it", "В учётной записи Госуслуг нет СНИЛС", "Добавьте СНИЛС в профиле Госуслуг, дождитесь проверки и войдите снова"],
  "not-a-medical-worker": [403, "forbidden", "after-fix", "The workers' registry (ФРМР) does not know the person", "Вас нет в реестре медицинских работников", "Попросите кадровую службу внести вас в ФРМР или войдите как гражданин"],
  "worker-dismissed": [403, "forbidden", "after-fix", "Every employment of the person in ФРМР has ended", "По данным реестра вы больше не работаете в медицинской организации", "Если это ошибка, обратитесь в кадровую службу; как гражданин вы можете войти и сейчас"],
  "worker-check-waits": [503, "transient", "later", "ФРМР does not answer and there is no recent confirmation of this worker", "Реестр медицинских работников временно недоступен", "Повторите вход позже; как гражданин вы можете войти и сейчас"],
  "identity-mismatch": [403, "business-rule", "after-fix", "The ESIA account and ФРМР differ in the named fields", "Сведения Госуслуг и реестра медицинских работников расходятся", "Исправьте названные сведения в профиле Госуслуг или в реестре через кадровую службу и войдите снова"],
  "sign-in-cancelled": [403, "login", "after-fix", "The person left ESIA's page or refused access", "Вход через Госуслуги отменён", "Начните вход заново и подтвердите передачу сведений"],
  "sign-in-expired": [401, "expired", "after-fix", "ESIA says that the code or token was used, revoked or has run out", "Код входа Госуслуг устарел или уже использован", "Начните вход заново"],
  "account-not-confirmed": [403, "security", "after-fix", "The ESIA account is not a confirmed one", "Учётная запись Госуслуг не подтверждена", "Подтвердите учётную запись на https://www.gosuslugi.ru/help/faq/login и войдите снова"],
  "second-factor-missing": [403, "login", "after-fix", "The login had no second factor, or ESIA could not ask for it", "Второй фактор входа недоступен", "Включите вход с подтверждением в настройках безопасности Госуслуг, проверьте номер телефона и войдите снова"],
  "profile-organization-mismatch": [403, "forbidden", "after-fix", "The person is not an employee of the organisation asked for", "Профиль не связан с выбранной организацией", "Обратитесь к администратору организации: он проверит привязку сотрудника"],
  "auth-redirect-rejected": [400, "security", "after-fix", "The address of return is not registered at ESIA or not allowed here", "Адрес возврата после входа не разрешён", "Откройте кабинет по адресу своей организации; администратору: npm run esia -- check"],
  "auth-upstream-down": [503, "transient", "later", "ESIA does not answer, is overloaded or under maintenance", "Портал Госуслуг временно недоступен", "Проверьте объявления на https://www.gosuslugi.ru/help/news и повторите вход позже"],
  "esia-client-rejected": [502, "security", "later", "ESIA does not accept our system: mnemonic, certificate or signature", "Госуслуги не приняли запрос кабинета", "Сообщите администратору кабинета; администратору: npm run esia -- check"],
  "esia-clock-rejected": [502, "security", "later", "ESIA refused the time of our request", "Часы кабинета расходятся с часами Госуслуг", "Сообщите администратору кабинета: нужна синхронизация времени (NTP)"],
  "esia-scope-rejected": [502, "security", "later", "ESIA does not grant our system a scope that it asks for", "Госуслуги не передали кабинету нужные сведения", "Сообщите администратору кабинета: область доступа не согласована"],
  "esia-request-rejected": [502, "processing", "later", "ESIA refused the request as malformed", "Госуслуги отклонили запрос кабинета", "Сообщите администратору кабинета номер запроса"],
  "esia-token-malformed": [401, "security", "after-fix", "ESIA's token has a wrong form, type or lacks a claim", "Ответ Госуслуг не прошёл проверку", "Начните вход заново"],
  "esia-token-signature": [401, "security", "after-fix", "ESIA's token is not signed by a trusted, valid certificate in the agreed algorithm", "Подпись ответа Госуслуг не подтверждена", "Начните вход заново; при повторении сообщите администратору кабинета"],
  "esia-token-issuer": [401, "security", "after-fix", "The token was issued by another ESIA", "Ответ пришёл не от того портала Госуслуг", "Начните вход заново; при повторении сообщите администратору кабинета"],
  "esia-token-audience": [401, "security", "after-fix", "The token was issued to another system", "Ответ Госуслуг предназначен другой системе", "Начните вход заново"],
  "esia-token-time": [401, "expired", "after-fix", "The token is not valid yet or no more; clocks may differ", "Срок действия ответа Госуслуг истёк или ещё не начался", "Начните вход заново; при повторении администратору: проверьте часы"],
  "esia-token-mismatch": [401, "security", "after-fix", "Parts of ESIA's answer belong to different requests, persons or sessions", "Части ответа Госуслуг не соответствуют друг другу", "Начните вход заново"],
  // ourselves
  overloaded: [503, "throttled", "later", "This replica sheds load", "Сервис перегружен", "Повторите запрос через несколько секунд"],
  "deadline-exceeded": [504, "timeout", "same-key", "The request's own deadline ran out", "Запрос не успел выполниться", "Повторите запрос с тем же ключом Idempotency-Key"],
  "store-unavailable": [503, "transient", "same-key", "Our own database does not answer", "Хранилище временно недоступно", "Повторите запрос позже"],
  "stored-data-altered": [500, "security", "later", "A stored record was changed past the gateway: its seal does not fit, so it is not shown", "Сохранённая запись повреждена или подменена, показать её нельзя", "Сообщите номер запроса в поддержку; администратору: найдите, кто менял базу, и восстановите запись из копии"],
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

/** Pages of the state portal that people are sent to; what they do there is ESIA's own. */
export const officialLinks = {
  portal: { url: "https://www.gosuslugi.ru", title: "Госуслуги: проверьте, что адрес именно такой" },
  registration: {
    url: "https://www.gosuslugi.ru/help/faq/login",
    title: "Как зарегистрироваться на Госуслугах",
  },
  confirmation: {
    url: "https://www.gosuslugi.ru/help/faq/confirmation",
    title: "Как подтвердить учётную запись",
  },
  recovery: { url: "https://esia.gosuslugi.ru/login/recovery", title: "Восстановление доступа" },
  profile: { url: "https://lk.gosuslugi.ru/profile/personal", title: "Личные данные в профиле Госуслуг" },
  security: {
    url: "https://lk.gosuslugi.ru/settings/safety",
    title: "Пароль и вход с подтверждением",
  },
  certificates: {
    url: "https://digital.gov.ru/ru/activity/govservices/certification_authority/",
    title: "Аккредитованные удостоверяющие центры",
  },
  status: { url: "https://www.gosuslugi.ru/help/news", title: "Объявления о работе портала" },
  support: { url: "https://www.gosuslugi.ru/help", title: "Поддержка Госуслуг, 8 800 100-70-10" },
} as const;

export type OfficialLink = keyof typeof officialLinks;

/** In this order (L-65). */
export const codeTroubleSteps = [
  "Проверьте номер телефона в профиле Госуслуг.",
  "Смените пароль и запросите новый одноразовый код.",
  "Очистите кэш и старые cookie браузера.",
  "Обратитесь в поддержку: приложите снимок экрана и укажите, чья учётная запись.",
] as const;

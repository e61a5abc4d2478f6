/** The authorities of each kind of key, by what is wrong with them; what stands in their certificates. */
export const authorityTitles = {
  root: "Корневой УЦ (песочница)",
  working: "Действующий УЦ (песочница)",
  retired: "Отозванный УЦ (песочница)",
  stranger: "Посторонний УЦ (песочница)",
} as const;

export type AuthorityName = keyof typeof authorityTitles;
export const isAuthorityName = (name: string): name is AuthorityName => Object.hasOwn(authorityTitles, name);

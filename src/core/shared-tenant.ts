/** The tenant of what is no single organisation's: people's consents and identities, what registries publish, own work. */
export const sharedTenant = "shared";

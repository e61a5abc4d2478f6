/** Settings of a production gateway that has everything but its keys. */
export const productionSettings = {
  MODE: "production",
  PUBLIC_URL: "https://cabinet.example.test",
  TRUSTED_PROXIES: "10.0.0.0/8",
  SECURITY_CONTACTS: "tel:+74950000000",
  FRMR_URL: "https://frmr.example.test/ws",
  FRMO_URL: "https://frmo.example.test",
  NSI_URL: "https://nsi.example.test",
  NOTIFY_URL: "https://messages.example.test",
  CLIENTS_FILE: "clients.json",
  ESIA_URL: "https://esia-gateway.example.test",
  ESIA_CLIENT_SECRET: "secret",
};

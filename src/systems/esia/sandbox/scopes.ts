const person = `openid fullname birthdate birthplace gender citizenship snils inn id_doc medical_doc military_doc
  foreign_passport_doc drivers_licence_doc birth_cert_doc residence_doc temporary_residence_doc vehicles email mobile
  contacts addresses usr_org usr_avt self_employed usr_reg_cxt electronic_workbook history_passport_doc
  kid_fullname kid_birthdate kid_gender kid_snils kid_inn kid_birth_cert_doc kid_medical_doc`;
const organization = `org_shortname org_fullname org_type org_ogrn org_inn org_leg org_kpp org_agencyterrange
  org_agencytype org_oktmo org_ctts org_addrs org_vhls org_grps org_emps org_brhs org_brhs_ctts org_brhs_addrs org_rcs
  org_stms org_invts org_ra categories`;

const personScopes = new Set(person.split(/\s+/));
const organizationScopes = new Set(organization.split(/\s+/));

// the prefix stays this one in every environment (sheet 1.4)
const uriForm = /^(?:http:\/\/esia\.gosuslugi\.ru\/)?([a-z_]+)\?org_oid=(\d+)$/;

/** The scopes of a space separated list. */
export function scopesIn(list: string): string[] {
  return list.split(" ").filter(Boolean);
}

/** A scope about one organisation, `[prefix]org_inn?org_oid=1000000001`; undefined for any other. */
export function organizationScope(scope: string): { name: string; organization: string } | undefined {
  const match = uriForm.exec(scope);
  return match ? { name: match[1] ?? "", organization: match[2] ?? "" } : undefined;
}

/** Full-address scopes about persons (`http://esia.gosuslugi.ru/usr_inf`) are refused nowadays. */
export function isKnownScope(scope: string): boolean {
  const about = organizationScope(scope);
  return about ? organizationScopes.has(about.name) : personScopes.has(scope);
}

/** Whether the list of a system's approved scopes, absent for all, has this one. */
export function isApproved(scope: string, approved: readonly string[] | undefined): boolean {
  return !approved || approved.includes(organizationScope(scope)?.name ?? scope);
}

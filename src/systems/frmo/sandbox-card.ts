import type { Organization } from "../sandbox-world.ts";

/** Kinds of organisations as the registry groups them; the numbers are ours. */
export const kinds: Readonly<Record<string, { id: number; name: string }>> = {
  polyclinic: { id: 1, name: "Поликлиника" },
  hospital: { id: 2, name: "Больница" },
  maternity: { id: 3, name: "Родильный дом" },
  clinic: { id: 4, name: "Клиника" },
  ambulance: { id: 5, name: "Станция скорой медицинской помощи" },
  dispensary: { id: 6, name: "Диспансер" },
  dental: { id: 7, name: "Стоматологическая поликлиника" },
};

/** A row with the column names of dictionary 1.2.643.5.1.13.13.11.1461. */
export function organizationRow(organization: Organization) {
  const kind = kinds[organization.kind];
  return {
    id: numberOf(organization.oid),
    oid: organization.oid,
    oldOid: null,
    nameFull: organization.name,
    nameShort: organization.name.replace(/Тестов\S+ городск\S+/, "ТГ"),
    parentId: null,
    medicalSubjectId: 1,
    medicalSubjectName: "Медицинская организация",
    inn: organization.inn,
    kpp: organization.kpp,
    ogrn: organization.ogrn,
    regionId: Number(organization.region),
    regionName: organization.regionName,
    organizationType: kind?.id ?? null,
    moAgencyKindId: kind?.id ?? null,
    moAgencyKind: kind?.name ?? null,
    deleteDate: organization.closedOn ?? null,
    deleteReason: organization.closedOn ? "Ликвидация" : null,
    createDate: "2012-01-10",
    modifyDate: organization.closedOn ?? "2026-03-02",
    postIndex: organization.postalCode,
    addrRegionId: Number(organization.region),
    addrRegionName: organization.regionName,
    streetName: organization.address.replace(/, д\..*$/, ""),
    house: /д\. (\S+)/.exec(organization.address)?.[1] ?? null,
    phone: organization.phone,
  };
}

/** A structural unit: 1 outpatient, 2 inpatient, 5 ambulance, 6 other. */
export function departmentRow(organization: Organization, department: { oid: string; name: string }) {
  return {
    oid: department.oid,
    moOid: organization.oid,
    name: department.name,
    departTypeId: departmentType(organization.kind),
    deleteDate: organization.closedOn ?? null,
  };
}

const departmentType = (kind: string) => {
  if (kind === "hospital" || kind === "maternity") return 2;
  return kind === "ambulance" ? 5 : 1;
};

/** The card of an organisation: its row, its units and its licences. */
export function cardOf(organization: Organization) {
  return {
    ...organizationRow(organization),
    departs: organization.departments.map((department) => departmentRow(organization, department)),
    licenses: [licenceOf(organization)],
  };
}

// the number has the form of Росздравнадзор's register since 2021: activity, issuer, region, number
function licenceOf(organization: Organization) {
  const serial = String(numberOf(organization.oid)).padStart(8, "0").slice(-8);
  return {
    number: `Л041-01137-${organization.region}/${serial}`,
    activityType: "Медицинская деятельность",
    issuer: "Департамент здравоохранения (тестовый)",
    date: "2021-04-15",
    dateTermination: organization.closedOn ?? null,
    works: [{ id: 27, name: "терапии" }],
  };
}

const numberOf = (oid: string) => Number(oid.split(".").slice(-2).join(""));

/** The regions that have an organisation, with columns as the registry names them. */
export function regionsOf(organizations: readonly Organization[]) {
  const names = new Map(organizations.map(({ region, regionName }) => [region, regionName]));
  return [...names].map(([code, region]) => ({
    id: Number(code),
    region,
    territoryCode: code,
    isFederalCity: code === "77" || code === "78",
  }));
}

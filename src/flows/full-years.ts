/** Full years from a FHIR date to a moment (clock milliseconds, UTC); undefined unless the date has year, month and day. */
export function fullYears(birthDate: string | undefined, at: number): number | undefined {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(birthDate ?? "") ?? [];
  if (year === undefined) return undefined;
  const now = new Date(at);
  const hadBirthday =
    now.getUTCMonth() + 1 > Number(month) ||
    (now.getUTCMonth() + 1 === Number(month) && now.getUTCDate() >= Number(day));
  return now.getUTCFullYear() - Number(year) - (hadBirthday ? 0 : 1);
}

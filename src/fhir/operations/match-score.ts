import type { HumanName, Patient } from "@medplum/fhirtypes";

export type MatchGrade = "certain" | "probable" | "possible" | "certainly-not";

export interface MatchScore {
  score: number;
  grade: MatchGrade;
}

const fold = (text: string | undefined): string => (text ?? "").toLowerCase().replaceAll("ё", "е").trim();

const namesOf = ({ name = [] }: Patient): readonly HumanName[] => name;

const shares = (one: Patient, other: Patient, part: (name: HumanName) => string): boolean => {
  const theirs = new Set(namesOf(other).map(part).filter(Boolean));
  return namesOf(one).some((name) => theirs.has(part(name)));
};

const familyOf = ({ family }: HumanName): string => fold(family);
const fullOf = ({ family, given = [] }: HumanName): string =>
  family && given.length > 0 ? [family, ...given].map(fold).join(" ") : "";

const sharesIdentifier = (one: Patient, other: Patient): boolean =>
  (one.identifier ?? []).some(({ system, value }) =>
    (other.identifier ?? []).some((theirs) => value && theirs.value === value && theirs.system === system),
  );

// one that is missing contradicts nothing
const differ = <T>(one: T | undefined, other: T | undefined): boolean =>
  one !== undefined && other !== undefined && one !== other;

/**
 * How surely two records are of one person, by rules alone: a shared identifier is certain unless birth dates differ;
 * full name and birth date are probable, surname and birth date possible.
 */
export function matchScore(asked: Patient, found: Patient): MatchScore {
  const sameBirth = asked.birthDate !== undefined && asked.birthDate === found.birthDate;
  const contradicts = differ(asked.birthDate, found.birthDate) || differ(asked.gender, found.gender);
  if (sharesIdentifier(asked, found))
    return contradicts ? { score: 0.8, grade: "probable" } : { score: 1, grade: "certain" };
  if (!sameBirth || contradicts) return { score: 0, grade: "certainly-not" };
  if (shares(asked, found, fullOf)) return { score: 0.8, grade: "probable" };
  if (shares(asked, found, familyOf)) return { score: 0.5, grade: "possible" };
  return { score: 0, grade: "certainly-not" };
}

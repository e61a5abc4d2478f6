import type { HumanName, Patient } from "@medplum/fhirtypes";
import { identifierSystem } from "../../core/canonical.ts";
import { type Token, tokensOf } from "../search/token.ts";

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

/** Identifiers as a search compares them: aliases of a system and spellings of a number are one. */
const identifiersOf = ({ identifier = [] }: Patient): Token[] =>
  identifier.flatMap((value) => tokensOf({ type: "Identifier", value }));

const sharesIdentifier = (one: Patient, other: Patient): boolean => {
  const theirs = identifiersOf(other);
  return identifiersOf(one).some(({ system, code }) =>
    theirs.some((their) => their.code === code && their.system === system),
  );
};

const snilsOf = (patient: Patient): string | undefined =>
  identifiersOf(patient).find(({ system }) => system === identifierSystem.snils)?.code;

// one that is missing contradicts nothing
const differ = <T>(one: T | undefined, other: T | undefined): boolean =>
  one !== undefined && other !== undefined && one !== other;

/**
 * How surely two records are of one person, by rules alone: a shared identifier is certain unless birth date, sex
 * or СНИЛС differ; full name and birth date are probable, surname and birth date possible.
 */
export function matchScore(asked: Patient, found: Patient): MatchScore {
  const sameBirth = asked.birthDate !== undefined && asked.birthDate === found.birthDate;
  const contradicts =
    differ(asked.birthDate, found.birthDate) ||
    differ(asked.gender, found.gender) ||
    // one person has one
    differ(snilsOf(asked), snilsOf(found));
  if (sharesIdentifier(asked, found))
    return contradicts ? { score: 0.8, grade: "probable" } : { score: 1, grade: "certain" };
  if (!sameBirth || contradicts) return { score: 0, grade: "certainly-not" };
  if (shares(asked, found, fullOf)) return { score: 0.8, grade: "probable" };
  if (shares(asked, found, familyOf)) return { score: 0.5, grade: "possible" };
  return { score: 0, grade: "certainly-not" };
}

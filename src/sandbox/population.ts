import type {
  Card,
  Education,
  Named,
  Organization,
  Person,
  Worker,
  WorldChange,
} from "../systems/sandbox-world.ts";

export interface Post {
  code: string;
  name: string;
  specialty: Named;
  level: "head" | "doctor" | "mid";
}

type BySex = Record<Person["sex"], string[]>;

export interface Names {
  families: BySex;
  givens: BySex;
  middles: BySex;
  institutions: Record<"higher" | "secondary", Named[]>;
}

interface Ingredients {
  personas: Person[];
  organizations: Organization[];
  posts: Post[];
  names: Names;
}

const workerCount = 200;

/** 200 registry records from a few lists, the same at every start; personas first, then the crowd. */
export function populate(from: Ingredients): WorldChange {
  const workers = personaJobs.map((job, index) => workerOf(from, job, index));
  const people = Array.from({ length: workerCount - workers.length }, (_, index) => passerBy(from, index));
  return {
    organizations: from.organizations,
    people: [...from.personas, ...people],
    workers: [
      ...workers,
      ...people.map((person, index) => workerOf(from, crowdJob(person.id, index), index + 100)),
    ],
  };
}

interface Job {
  person: string;
  post: string;
  /** index of the organisation of each card */
  places: number[];
  rates?: number[];
  end?: string;
}

const doctor = "109";
const personaJobs: readonly Job[] = [
  { person: "doctor", post: doctor, places: [0] },
  { person: "doctor-two", post: "34", places: [0, 1], rates: [0.5, 0.5] },
  { person: "nurse", post: "159", places: [0] },
  { person: "dismissed", post: "122", places: [1], end: "2025-06-30" },
  { person: "blocked", post: doctor, places: [0] },
  { person: "chief", post: "4", places: [0] },
  { person: "dup", post: doctor, places: [0] },
  { person: "dup", post: "45", places: [4] },
  { person: "nomiddle", post: "16", places: [1] },
  { person: "norole", post: "110", places: [0] },
];

const closedPlace = 19;

function crowdJob(person: string, index: number): Job {
  const post = crowdPosts[index % crowdPosts.length] ?? doctor;
  const place = index % closedPlace;
  if (index % 37 === 36) return { person, post, places: [closedPlace], end: "2023-12-31" };
  if (index % 17 === 16) return { person, post, places: [place], end: `${2023 + (index % 3)}-05-31` };
  if (index % 11 === 10)
    return { person, post, places: [place, (place + 3) % closedPlace], rates: [0.75, 0.25] };
  return { person, post, places: [place], rates: [index % 5 === 4 ? 0.5 : 1] };
}

// every post of posts.json but the head of an organisation
const crowdPosts = "109 159 110 34 174 45 122 164 13 59 195 54 53 182 125 50 150 116 16 160 49 114 81".split(
  " ",
);

function passerBy({ names }: Ingredients, index: number): Person {
  const sex = index % 3 === 0 ? "male" : "female";
  const id = `worker-${String(index + 1).padStart(3, "0")}`;
  return {
    id,
    family: pick(names.families[sex], index),
    given: pick(names.givens[sex], index * 5 + 2),
    middle: index % 29 === 28 ? undefined : pick(names.middles[sex], index * 3 + 1),
    sex,
    birthDate: day(1958 + ((index * 7) % 42), index * 5, index * 11),
    snils: withSnilsCheck(900_001_000 + index),
    inn: withInnCheck(`7799100${String(index).padStart(3, "0")}`),
    phone: `+7999002${String(index).padStart(4, "0")}`,
    email: `${id}@example.org`,
    document: {
      type: 1,
      series: "9901",
      number: String(index + 1).padStart(6, "0"),
      issued: "ТЕСТОВЫЙ ОТДЕЛ",
      issueDate: day(2010 + (index % 12), index, index * 3),
    },
    esia: { oid: String(1_000_301_000 + index), account: "confirmed", roles: [] },
  };
}

function workerOf(from: Ingredients, job: Job, seed: number): Worker {
  const post = from.posts.find((row) => row.code === job.post) ?? pick(from.posts, seed);
  const start = 2006 + (seed % 14);
  const cards = job.places.map((place, index) => cardOf(from, job, { post, place, index, start }));
  const schooling = educationOf(from.names, post, start, seed);
  return {
    id: `frmr-${String(seed + 1).padStart(6, "0")}`,
    person: job.person,
    organization: cards[0]?.organization ?? "",
    staffNumber: String(1000 + seed),
    modifiedAt: day(2026, seed, seed * 7),
    cards,
    ...schooling,
  };
}

interface Placing {
  post: Post;
  place: number;
  index: number;
  start: number;
}

function cardOf({ organizations }: Ingredients, job: Job, { post, place, index, start }: Placing): Card {
  const organization = pick(organizations, place);
  return {
    organization: organization.oid,
    department: pick(organization.departments, start + index).name,
    post: { id: post.code, name: post.name },
    positionType: index === 0 ? "1" : "3",
    rate: job.rates?.[index] ?? 1,
    begin: day(start + 3 + index, start * 3, start * 5),
    end: job.end,
    orderIn: `${10 + index}-к`,
    orderOut: job.end && `${20 + index}-у`,
  };
}

type Schooling = Omit<Worker, "id" | "person" | "organization" | "staffNumber" | "modifiedAt" | "cards">;

function educationOf(names: Names, post: Post, start: number, seed: number): Schooling {
  const { specialty } = post;
  const higher = post.level !== "mid";
  const institution = pick(names.institutions[higher ? "higher" : "secondary"], seed);
  const number = (stem: number) => String(stem * 100_000 + seed).padStart(7, "0");
  const row = { institution, specialty };
  const first = higher ? { id: "1", name: "Лечебное дело" } : { id: "219", name: "Сестринское дело" };
  const stage = higher ? { id: "1", name: "Высшее" } : { id: "2", name: "Среднее" };
  const residency: Education = {
    ...row,
    type: seed % 2 === 0 ? { id: "2", name: "Ординатура" } : { id: "1", name: "Интернатура" },
    series: "9902",
    number: number(2),
    date: day(start + 2, 5, 29),
    begin: day(start, 8, 0),
    end: day(start + 2, 5, 29),
  };
  const schooled = { ...row, number: number(4), hours: 144, date: day(2015 + (seed % 6), seed, seed) };
  return {
    diplomas: [
      { institution, specialty: first, type: stage, series: "1077", number: number(1), date: String(start) },
    ],
    postgraduate: higher ? [residency] : [],
    retraining: seed % 6 === 5 ? [{ ...schooled, hours: 504, series: "9903" }] : [],
    improvement: seed % 3 !== 0 ? [{ ...schooled, series: "9904" }] : [],
    certificates:
      seed % 4 === 3 ? [{ ...row, series: "0177", number: number(3), date: day(2019, seed, seed) }] : [],
    accreditations: accreditationOf(row, seed, higher),
    categories:
      seed % 3 === 2
        ? [{ category: pick(categories, (seed - 2) / 3), specialty, date: day(2023, seed, 14) }]
        : [],
  };
}

function accreditationOf(
  row: Pick<Education, "institution" | "specialty">,
  seed: number,
  higher: boolean,
): Education[] {
  if (seed % 13 === 12) return [];
  const type = seed % 4 === 1 && higher ? pick(accreditationKinds, 1) : pick(accreditationKinds, 2);
  return [
    {
      ...row,
      type,
      number: `77250${String(seed).padStart(8, "0")}`,
      date: day(2022 + (seed % 4), seed, seed * 3),
    },
  ];
}

const accreditationKinds: Named[] = [
  { id: "1", name: "Первичная" },
  { id: "2", name: "Первичная специализированная" },
  { id: "3", name: "Периодическая" },
];

const categories: Named[] = [
  { id: "1", name: "Высшая" },
  { id: "2", name: "Первая" },
  { id: "3", name: "Вторая" },
];

function pick<T>(rows: readonly T[], index: number): T {
  const row = rows[index % rows.length];
  if (row === undefined) throw new RangeError("the sandbox world has an empty list");
  return row;
}

/** An ISO day; month and day number are taken modulo 12 and 28. */
function day(year: number, month: number, date: number): string {
  return new Date(Date.UTC(year, month % 12, (date % 28) + 1)).toISOString().slice(0, 10);
}

const weighted = (digits: string, weights: readonly number[]) =>
  weights.reduce((sum, weight, index) => sum + weight * Number(digits[index]), 0);

function withSnilsCheck(stem: number): string {
  const rest = weighted(String(stem), [9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101;
  return `${stem}${String(rest === 100 ? 0 : rest).padStart(2, "0")}`;
}

function withInnCheck(stem: string): string {
  const eleven = stem + ((weighted(stem, [7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11) % 10);
  return eleven + ((weighted(eleven, [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11) % 10);
}

import type { Person, Worker } from "../src/systems/sandbox-world.ts";

/** An invented person whose every identifier occurs nowhere else. */
export interface Canary {
  person: Person & Required<Pick<Person, "snils" | "phone" | "email" | "inn" | "middle">>;
  worker: Worker;
  /** what the person's card tells of them, and nothing else does */
  card: { enp: string; diagnosis: string; code: string };
}

const letters = "абвгдежзиклмнопрстуфхцчшэюя";

/** A number as letters, so that each name is its own. */
function spelled(index: number): string {
  let text = "";
  for (let rest = index + 1_000_000; rest > 0; rest = Math.floor(rest / letters.length))
    text += letters[rest % letters.length];
  return text;
}

function withCheck(stem: string): string {
  const sum = [...stem].reduce((total, digit, index) => total + Number(digit) * (9 - index), 0) % 101;
  return stem + String(sum === 100 ? 0 : sum).padStart(2, "0");
}

/** Invented workers in the likeness of one that the sandbox has; `index` tells them apart. */
function canaryOf(like: { person: Person; worker: Worker }, index: number): Canary {
  // a persona is named by letters
  const id = `canary-${String(index).replace(/\d/g, (digit) => "abcdefghij".charAt(Number(digit)))}`;
  const person = {
    ...like.person,
    id,
    note: undefined,
    family: `Канареева-${spelled(index)}`,
    given: `Щегла${spelled(index + 7_000_000)}`,
    middle: `Зябликовна${spelled(index + 9_000_000)}`,
    snils: withCheck(String(961_000_000 + index * 7)),
    inn: String(779_955_000_000 + index),
    phone: `+79987${String(600_000 + index)}`,
    email: `${id}-mail@canary.example`,
    document: {
      type: 1,
      series: "9987",
      number: String(610_000 + index),
      issued: "ТЕСТ",
      issueDate: "2015-01-12",
    },
    esia: {
      oid: String(1_000_777_000 + index),
      account: "confirmed" as const,
      roles: like.person.esia.roles,
    },
  };
  const card = {
    enp: String(7_799_887_000_000_000 + index),
    diagnosis: `Канареечная лихорадка ${spelled(index + 5_000_000)}`,
    code: `Z98.7${600_000 + index}`,
  };
  return { person, worker: { ...structuredClone(like.worker), id: `frmr-${id}`, person: id }, card };
}

/** Puts so many invented workers into a sandbox's world, in the likeness of its doctor. */
export async function releaseCanaries(sandboxUrl: string, count: number): Promise<Canary[]> {
  const world = (await (await fetch(`${sandboxUrl}/_world`)).json()) as {
    people: Person[];
    workers: Worker[];
  };
  const worker = world.workers.find((candidate) => candidate.person === "doctor");
  const person = world.people.find(({ id }) => id === "doctor");
  if (!person || !worker) throw new Error("the sandbox has no doctor");
  const canaries = Array.from({ length: count }, (_, index) => canaryOf({ person, worker }, index));
  for (let start = 0; start < canaries.length; start += 50) {
    const some = canaries.slice(start, start + 50);
    const body = JSON.stringify({
      people: some.map((canary) => canary.person),
      workers: some.map((canary) => canary.worker),
    });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${sandboxUrl}/_world`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`the sandbox refused the canaries: ${answer.status}`);
  }
  return canaries;
}

/** What must be found nowhere: as it is written, and as forms and people write it. */
export function secretsOf({ person, card }: Canary): string[] {
  const { family, given, middle, snils, inn, phone, email } = person;
  const dashed = `${snils.slice(0, 3)}-${snils.slice(3, 6)}-${snils.slice(6, 9)}`;
  const { enp, diagnosis, code } = card;
  return [family, given, middle, snils, dashed, inn, phone.slice(2), email, enp, diagnosis, code];
}

import { cpus } from "node:os";
import { Child } from "./child.ts";
import type { ValidateResult, ValidateRound } from "./subjects/validate.ts";

const rounds = 7;
const times = 100;
const engines = ["gateway", "medplum"] as const;

/** Our validator against medplum's on the same resources, each in a process of its own, interleaved rounds. */
export async function run({ json }: { json: boolean }): Promise<void> {
  const figures = await validationFigures();
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, rounds };
  if (json) return console.log(JSON.stringify({ ...figures, machine }, null, 2));
  console.table(figures.subjects);
  console.table(figures.ratios);
  console.log(machine);
}

/** `validateVsMedplum`: CPU of medplum's structure and invariants over that of ours with required codes too. */
export async function validationFigures() {
  const results: Record<(typeof engines)[number], number[]> = { gateway: [], medplum: [] };
  const children = await Promise.all(
    engines.map(async (name) => [name, await Child.start("subjects/validate.ts", { ENGINE: name })] as const),
  );
  for (let round = -1; round < rounds; round += 1)
    for (const [name, child] of children) {
      const { micros, refused } = await child.ask<ValidateResult>({ times } satisfies ValidateRound);
      if (refused > 0) throw new Error(`${name} refuses what is right`);
      // the first round warms up
      if (round >= 0) results[name].push(micros);
    }
  for (const [, child] of children) await child.stop();
  const ratios = results.medplum
    .map((micros, i) => micros / (results.gateway[i] ?? micros))
    .sort((a, b) => a - b);
  return {
    subjects: {
      "gateway: structure, invariants, codes": { "CPU µs a resource": Math.round(median(results.gateway)) },
      "medplum: structure, invariants": { "CPU µs a resource": Math.round(median(results.medplum)) },
    },
    ratios: {
      validateVsMedplum: {
        median: rounded(median(ratios)),
        min: rounded(ratios[0] ?? 0),
        max: rounded(ratios.at(-1) ?? 0),
        target: "at least 1",
      },
    },
  };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const rounded = (value: number) => Number(value.toFixed(2));

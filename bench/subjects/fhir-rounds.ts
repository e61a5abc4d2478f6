import type { Bundle } from "@medplum/fhirtypes";

export interface SearchRound {
  searches: number;
  /** that wait at the same time */
  callers: number;
}

export interface SearchRoundResult {
  perSecond: number;
  /** of this process; a database beside it is not in it */
  cpuMicros: number;
  medianMs: number;
}

interface Searched {
  referrals: number;
  /** how many resources one search brings */
  entries: number;
  search(n: number): Promise<Bundle>;
}

/** Answers each IPC message with a round of searches for random referrals; what they bring is checked. */
export function answerRounds({ referrals, entries, search }: Searched): void {
  process.on("message", async ({ searches, callers }: SearchRound) => {
    const times: number[] = [];
    let left = searches;
    const cpu = process.cpuUsage();
    const start = performance.now();
    const caller = async () => {
      while (left-- > 0) {
        const began = performance.now();
        const bundle = await search(Math.floor(Math.random() * referrals));
        JSON.stringify(bundle);
        times.push(performance.now() - began);
        if (bundle.entry?.length !== entries) throw new Error(`${bundle.entry?.length} entries`);
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    const seconds = (performance.now() - start) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const result: SearchRoundResult = {
      perSecond: searches / seconds,
      cpuMicros: (user + system) / searches,
      medianMs: times.sort((one, other) => one - other)[times.length >> 1] ?? 0,
    };
    process.send?.(result);
  });
  process.send?.("ready");
}

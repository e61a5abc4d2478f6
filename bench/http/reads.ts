import { Child } from "../child.ts";
import type { Round, RoundResult } from "../load.ts";
import type { Usage } from "../subjects/cpu.ts";
import { type Spread, spreadOf } from "../trust/spread.ts";
import { BenchedGateway, freePort, type Read } from "./gateway.ts";

export const rounds = { count: 5, seconds: 3, connections: 50 };

const names = ["bareFastify", "cachedRead", "notModified"] as const;
type Name = (typeof names)[number];

interface Subject {
  child: Child;
  load: Pick<Round, "url" | "headers" | "status">;
  measures: Measure[];
}

interface Measure {
  perSecond: number;
  cpuMicros: number;
  p99Ms: number;
  answered: number;
}

export interface ReadFigures {
  /** over bare fastify with the same bytes */
  ratios: {
    rate: Record<"cachedRead" | "notModified", Spread>;
    cpu: Record<"cachedRead" | "notModified", Spread>;
  };
  subjects: Record<Name, { perSecond: Spread; cpuMicrosPerRequest: Spread; p99Ms: Spread }>;
  startMs: number;
  restMegabytes: number;
  answered: number;
  journalRows: number;
  spans: number;
}

/**
 * A cached read of the gateway (token, generation, journal row, telemetry) and the same answered 304, against fastify
 * alone with the read's bytes, in interleaved rounds under the same load; two processes of the same Node. Throws when
 * an answer has no journal row or no trace reached the collector.
 */
export async function readFigures(): Promise<ReadFigures> {
  const load = await Child.start("load.ts");
  const gateway = await BenchedGateway.start();
  const { startMs } = gateway;
  const restMegabytes = await gateway.restMegabytes();
  const read = await gateway.practitioner();
  const subjects = await subjectsOf(gateway, read);
  for (let round = -1; round < rounds.count; round++)
    for (const name of names) {
      const measure = await playRound(load, subjects[name]);
      // the first round warms up
      if (round >= 0) subjects[name].measures.push(measure);
    }
  await Promise.all([load.stop(), subjects.bareFastify.child.stop()]);
  const figures = figuresOf(subjects, { startMs, restMegabytes, ...(await gateway.stop()) });
  const { answered, journalRows, spans } = figures;
  if (journalRows < answered) throw new Error(`${journalRows} journal rows for ${answered} answers`);
  if (spans === 0) throw new Error("no span reached the collector");
  return figures;
}

async function subjectsOf(gateway: BenchedGateway, read: Read): Promise<Record<Name, Subject>> {
  const { child } = gateway;
  const { url, headers, etag } = read;
  const bare = await startBare(read);
  return {
    bareFastify: { child: bare.child, load: { url: bare.url, headers: {}, status: 200 }, measures: [] },
    cachedRead: { child, load: { url, headers, status: 200 }, measures: [] },
    notModified: {
      child,
      load: { url, headers: { ...headers, "if-none-match": etag }, status: 304 },
      measures: [],
    },
  };
}

async function startBare({ body, contentType }: Read): Promise<{ child: Child; url: string }> {
  const port = await freePort();
  const env = { PORT: String(port), BODY: body, CONTENT_TYPE: contentType };
  const child = await Child.start("subjects/bare-fastify.ts", env);
  return { child, url: `http://127.0.0.1:${port}/fhir/Practitioner/1` };
}

async function playRound(load: Child, { child, load: target }: Subject): Promise<Measure> {
  const { connections, seconds } = rounds;
  const before = await child.ask<Usage>({});
  const result = await load.ask<RoundResult>({ ...target, connections, seconds });
  const after = await child.ask<Usage>({});
  if (result.failed > 0) throw new Error(`${result.failed} requests failed at ${target.url}`);
  return {
    perSecond: result.perSecond,
    cpuMicros: (after.cpuMicros - before.cpuMicros) / result.answered,
    p99Ms: result.p99Ms,
    answered: result.answered,
  };
}

type Facts = Pick<ReadFigures, "startMs" | "restMegabytes" | "journalRows" | "spans">;

function figuresOf(subjects: Record<Name, Subject>, facts: Facts): ReadFigures {
  const measures = (name: Name) => subjects[name].measures;
  const bare = measures("bareFastify");
  const ratio = (name: Name, of: (ours: Measure, theirs: Measure) => number) =>
    spreadOf(measures(name).map((one, index) => of(one, bare[index] as Measure)));
  const ratios = (of: (ours: Measure, theirs: Measure) => number) => ({
    cachedRead: ratio("cachedRead", of),
    notModified: ratio("notModified", of),
  });
  const answered = [...measures("cachedRead"), ...measures("notModified")].reduce(
    (sum, one) => sum + one.answered,
    0,
  );
  return {
    ratios: {
      rate: ratios((ours, theirs) => ours.perSecond / theirs.perSecond),
      cpu: ratios((ours, theirs) => theirs.cpuMicros / ours.cpuMicros),
    },
    subjects: Object.fromEntries(
      names.map((name) => [
        name,
        {
          perSecond: spreadOf(measures(name).map((one) => one.perSecond)),
          cpuMicrosPerRequest: spreadOf(measures(name).map((one) => one.cpuMicros)),
          p99Ms: spreadOf(measures(name).map((one) => one.p99Ms)),
        },
      ]),
    ) as ReadFigures["subjects"],
    answered,
    ...facts,
  };
}

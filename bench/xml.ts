import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const rounds = 7;
const record = `<CardRecord><Care><ID>1</ID></Care><Conditions><ID>2</ID></Conditions><DateBegin>2020-09-01</DateBegin><OrderIn>15-к</OrderIn><Organization><Name>ГБУЗ «Тестовая поликлиника»</Name><OID>1.2.643.5.1.13.13.12.2.77.99999</OID></Organization><PositionType><ID>1</ID></PositionType><Post><ID>109</ID><Name>Врач-терапевт</Name></Post><SubdivisionName>Терапевтическое отделение</SubdivisionName><Wage>1.00</Wage></CardRecord>`;
const diploma = `<DiplomaEducation><DiplomaSerie>107724</DiplomaSerie><DiplomaNumber>0000001</DiplomaNumber><Speciality><ID>1</ID></Speciality><YearGraduation>2018</YearGraduation></DiplomaEducation>`;
const accreditation = `<Accreditation><DiplomaRegNumber>7725000000001</DiplomaRegNumber><VID><ID>3</ID><Name>Периодическая</Name></VID><Speciality><ID>27</ID><Name>Терапия</Name></Speciality><IssueDate>2025-03-25</IssueDate></Accreditation>`;

/** A synthetic ФРМР card of 6.1 KB and 194 elements. */
const card =
  `<?xml version="1.0" encoding="utf-8"?><ArrayOfEmployee xmlns="http://service.rosminzdrav.ru/MedStaff" version="2.0.11"><Employee><CardRecordList>${record.repeat(5)}</CardRecordList><DiplomaEducationList>${diploma.repeat(5)}</DiplomaEducationList><AccreditationList>${accreditation.repeat(8)}</AccreditationList></Employee></ArrayOfEmployee>`.replaceAll(
    "><",
    ">\n <",
  );

async function saxesTree(): Promise<() => unknown> {
  const { SaxesParser } = await import("saxes");
  return () => {
    const parser = new SaxesParser({ xmlns: true });
    const open: unknown[][] = [[]];
    parser.on("opentag", (tag) => {
      const children: unknown[] = [];
      open.at(-1)?.push({ name: tag.local, ns: tag.uri, attrs: tag.attributes, children });
      open.push(children);
    });
    parser.on("closetag", () => void open.pop());
    parser.on("text", (text) => void open.at(-1)?.push(text));
    parser.on("error", (error) => {
      throw error;
    });
    parser.write(card).close();
    return open[0];
  };
}

const engines: Record<string, () => Promise<() => unknown>> = {
  readXml: async () => {
    const { readXml } = await import("../src/xml/read.ts");
    return () => readXml(card);
  },
  readObject: async () => {
    const { readObject } = await import("../src/xml/object.ts");
    return () => readObject(card);
  },
  "readObject, bytes": async () => {
    const { readObject } = await import("../src/xml/object.ts");
    const bytes = Buffer.from(card);
    return () => readObject(bytes);
  },
  "saxes tree": saxesTree,
  "fast-xml-parser": async () => {
    const { XMLParser } = await import("fast-xml-parser");
    const parser = new XMLParser({ ignoreAttributes: false });
    return () => parser.parse(card);
  },
  xml2js: async () => {
    const { Parser } = await import("xml2js");
    const parser = new Parser({ async: false });
    return () => parser.parseString(card, () => undefined);
  },
};

async function serve(name: string): Promise<void> {
  const once_ = await engines[name]?.();
  if (once_ === undefined) throw new Error(`no engine ${name}`);
  for (let i = 0; i < 3000; i += 1) once_();
  process.on("message", () => {
    const cpu = process.cpuUsage();
    for (let i = 0; i < 2000; i += 1) once_();
    const used = process.cpuUsage(cpu);
    process.send?.((used.user + used.system) / 2000);
  });
  process.send?.("ready");
}

async function measure(child: ChildProcess): Promise<number> {
  child.send("go");
  const [microseconds] = await once(child, "message");
  return microseconds as number;
}

/** CPU µs per document of each parser on one card: interleaved rounds, a process each, medians. */
export async function run({ json }: { json: boolean }): Promise<void> {
  const names = Object.keys(engines);
  const children = names.map((name) =>
    fork(fileURLToPath(import.meta.url), [name], { execArgv: ["--import", "tsx"] }),
  );
  await Promise.all(children.map((child) => once(child, "message")));
  const figures = names.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, child] of children.entries()) figures[i]?.push(await measure(child));
  }
  for (const child of children) child.disconnect();
  const medians = Object.fromEntries(names.map((name, i) => [name, median(figures[i] ?? [])]));
  const machine = { node: process.version, cpu: cpus()[0]?.model, bytes: Buffer.byteLength(card), rounds };
  if (json) console.log(JSON.stringify({ microsecondsPerDocument: medians, ...machine }));
  else
    console.table(Object.fromEntries(names.map((name) => [name, { "CPU µs": medians[name]?.toFixed(1) }])));
  if (!json) console.log(machine);
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

const [, self, engine] = process.argv;
if (process.send !== undefined && self === fileURLToPath(import.meta.url) && engine !== undefined)
  await serve(engine);

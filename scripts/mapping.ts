import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { systemClock } from "../src/core/clock.ts";
import { buildFile } from "../src/fml/builder.ts";
import { loadMapping } from "../src/fml/loader.ts";
import { modelFromXsd } from "../src/fml/model-from-xsd.ts";
import { MapReloader } from "../src/fml/reload.ts";
import { readXml } from "../src/xml/read.ts";
import { checkMessage, missing } from "./mapping-check.ts";
import { build, mappings, messages, readSource } from "./mapping-folder.ts";

const usage = `usage: npm run mapping -- <command>
  check [message]                    compile, fixtures, round trip, interpreter, coverage
  build [message]                    compile to build/mappings
  run <message> <direction> <file>   convert one document (.json or .xml)
  trace <message> <direction> <file> the same, with the source node and rule of each element
  coverage [message]                 source elements that are neither mapped nor listed
  model <schema.xsd|wsdl> <element> <url>   model.json for a root element, to the output
  watch [message]                    check again whenever a file changes`;

async function check(filter?: string): Promise<boolean> {
  let ok = true;
  for (const message of messages(filter)) {
    const problems = await checkMessage(message);
    ok &&= problems.length === 0;
    console.log(
      `${problems.length === 0 ? "ok  " : "FAIL"} ${message.name}: ${message.cases.length} fixtures`,
    );
    for (const problem of problems) console.log(`     ${problem.replaceAll("\n", "\n     ")}`);
  }
  return ok;
}

async function buildAll(filter?: string): Promise<void> {
  for (const { name, folder, directions } of messages(filter)) {
    for (const direction of directions) {
      const output = new URL(`mappings/${name}/${direction}.js`, build);
      await buildFile(new URL(`${direction}.fml`, folder), output, build);
      console.log(`built ${name}/${direction}`);
    }
  }
}

async function convert(
  traced: boolean,
  [name = "", direction = "", file = ""]: readonly string[],
): Promise<void> {
  const [message] = messages(name);
  if (message === undefined) throw new Error(`no message is named ${name}`);
  const mapping = await loadMapping(new URL(`${direction}.fml`, message.folder));
  const source = readSource(message, pathToFileURL(resolve(file.replace(/\.(json|xml)$/, ""))));
  if (source === undefined) throw new Error(`no document ${file} with the ending .json or .xml`);
  if (traced) console.table(mapping.trace(source).trace);
  else console.log(JSON.stringify(mapping.convert(source), null, 2));
}

async function coverage(filter?: string): Promise<boolean> {
  let ok = true;
  for (const message of messages(filter)) {
    const paths = await missing(message);
    ok &&= paths.length === 0;
    console.log(`${message.name}: ${paths.length === 0 ? "complete" : paths.join(", ")}`);
  }
  return ok;
}

function writeModel([file = "", element = "", url = ""]: readonly string[]): void {
  const model = modelFromXsd(readXml(readFileSync(file)), element, url);
  console.log(JSON.stringify(model, null, 2));
}

async function watchAll(filter?: string): Promise<void> {
  const reloader = await MapReloader.open({ folder: mappings, clock: systemClock });
  await check(filter);
  reloader.watch((reloads) => {
    const failed = reloads.filter(({ failure }) => failure !== undefined);
    for (const { map, failure } of failed)
      console.log(`FAIL ${map.pathname.split("/").slice(-3).join("/")}\n${failure}`);
    if (failed.length === 0) void check(filter);
  }, new AbortController().signal);
}

const [command = "", ...args] = process.argv.slice(2);
const commands: Readonly<Record<string, () => unknown>> = {
  check: () => check(args[0]),
  build: () => buildAll(args[0]),
  run: () => convert(false, args),
  trace: () => convert(true, args),
  coverage: () => coverage(args[0]),
  model: () => writeModel(args),
  watch: () => watchAll(args[0]),
};
const chosen = Object.hasOwn(commands, command) ? commands[command] : undefined;
if (chosen === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else if ((await chosen()) === false) {
  process.exitCode = 1;
}

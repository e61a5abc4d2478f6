import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../core/clock.ts";
import type { CompileLimits } from "./bounded-compiler.ts";
import { loadMapping } from "./loader.ts";
import { readR4Types } from "./r4-types.ts";
import { MapReloader, type Reload } from "./reload.ts";

const projectBuild = new URL("../../build/", import.meta.url);
beforeAll(() => readR4Types(projectBuild), 60_000);

const mapTo = (element: string, more = "") => `map "urn:test:map" = "Test"
uses "http://hl7.org/fhir/StructureDefinition/Practitioner" alias Practitioner as target
group main(source card, target worker : Practitioner) {
  card.code as code -> worker.${element} = translate(code, '#sex', 'code') "code";
${more}}
`;
const table = (target: string) =>
  `sourceSystem,source,targetSystem,target,display\nurn:s,1,urn:t,${target},\n`;

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function world(limits?: Partial<CompileLimits>) {
  const root = mkdtempSync(join(tmpdir(), "reload-"));
  undo.push(() => rmSync(root, { recursive: true, force: true }));
  const message = join(root, "mappings/system/message");
  mkdirSync(join(message, "maps"), { recursive: true });
  mkdirSync(join(root, "build"));
  for (const name of readdirSync(projectBuild).filter((file) => /^fhir-r4-types-.*\.txt$/.test(file)))
    cpSync(new URL(name, projectBuild), join(root, "build", name));
  const write = (name: string, text: string) => writeFileSync(join(message, name), text);
  write("to-fhir.fml", mapTo("gender"));
  write("maps/sex.csv", table("male"));
  const mapping = await loadMapping(pathToFileURL(join(message, "to-fhir.fml")));
  const folder = pathToFileURL(join(root, "mappings/"));
  const reloader = await MapReloader.open({ folder, clock: systemClock, ...(limits && { limits }) });
  undo.push(() => reloader.close());
  const remove = (name: string) => rmSync(join(message, name));
  return { write, remove, reloader, mapping, convert: () => mapping.convert({ code: "1" }) };
}

const male = { resourceType: "Practitioner", gender: "male" };

describe("maps that change while the process runs", () => {
  it("a changed table is in force for the holder of the mapping once the watcher tells", async () => {
    const { write, reloader, mapping, convert } = await world();
    const { digest } = mapping;
    expect(convert()).toEqual(male);
    const stop = new AbortController();
    undo.push(() => stop.abort());
    const told = new Promise<readonly Reload[]>((resolve) => {
      reloader.watch((reloads) => reloads.length > 0 && resolve(reloads), stop.signal);
    });
    write("maps/sex.csv", table("female"));
    expect((await told).map(({ failure }) => failure)).toEqual([undefined]);
    expect(convert()).toEqual({ ...male, gender: "female" });
    expect(mapping.digest).not.toBe(digest);
    expect(await reloader.refresh()).toEqual([]);
  }, 60_000);

  it("a map with errors is told of with all lines and columns, and the old one stays until it is mended", async () => {
    const { write, reloader, convert } = await world();
    write("to-fhir.fml", mapTo("gander", "  card.x as x -> worker.nothing = x;\n"));
    const [broken] = await reloader.refresh();
    expect(broken?.failure).toMatch(
      /:4:\d+ unknown-element: .*gander[\s\S]*:5:\d+ unknown-element: .*nothing/,
    );
    expect(convert()).toEqual(male);
    write("to-fhir.fml", mapTo("gender", "  card -> worker.active = true;\n"));
    expect((await reloader.refresh()).map(({ failure }) => failure)).toEqual([undefined]);
    expect(convert()).toEqual({ ...male, active: true });
  }, 60_000);

  it("a map that takes too much memory ends its thread and nothing else", async () => {
    const { write, reloader, convert } = await world({ maxOldGenerationSizeMb: 64, milliseconds: 50_000 });
    write("to-fhir.fml", mapTo("gender", "  card.x as x -> worker.active = true;\n".repeat(200_000)));
    expect((await reloader.refresh())[0]?.failure).toMatch(/stopped: .*memory/);
    expect(convert()).toEqual(male);
    write("to-fhir.fml", mapTo("gender", "  card -> worker.active = true;\n"));
    expect((await reloader.refresh())[0]?.failure).toBeUndefined();
    expect(convert()).toEqual({ ...male, active: true });
  }, 60_000);

  it("a map whose file is gone is told of once, and holders keep it", async () => {
    const { remove, reloader, convert } = await world();
    remove("to-fhir.fml");
    expect(await reloader.refresh()).toMatchObject([{ removed: true }]);
    expect(await reloader.refresh()).toEqual([]);
    expect(convert()).toEqual(male);
  }, 60_000);

  it("a map that takes too long is ended and the old one stays", async () => {
    const { write, reloader, convert } = await world({ milliseconds: 1 });
    write("to-fhir.fml", mapTo("gender", "  card -> worker.active = true;\n"));
    expect((await reloader.refresh())[0]?.failure).toBe("the compiler was stopped: no result within 1 ms");
    expect(convert()).toEqual(male);
  }, 60_000);
});

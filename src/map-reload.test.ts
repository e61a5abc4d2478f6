import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ConceptMap, Parameters, StructureMap } from "@medplum/fhirtypes";
import { expect, it, onTestFinished } from "vitest";
import { ManualClock } from "./core/clock.ts";
import type { RequestContext } from "./core/context.ts";
import { Catalogue } from "./flows/mappings/catalogue.ts";
import { conceptMapProvider } from "./flows/mappings/concept-maps.ts";
import { structureMapProvider } from "./flows/mappings/structure-maps.ts";
import { rereadClean } from "./map-reload.ts";

const ctx = {} as RequestContext;
const map = (title: string) => `/// title = '${title}'
map "https://cabinet-gateway.example/fhir/StructureMap/one-card-to-fhir" = "Card"
group main(source card, target worker) { card.a as a -> worker.b = a "a"; }
`;
const table = (target: string) =>
  `sourceSystem,source,targetSystem,target,display\nurn:s,1,urn:t,${target},\n`;

async function world() {
  const root = mkdtempSync(join(tmpdir(), "catalogue-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "one/card/maps"), { recursive: true });
  const write = (title: string, target: string) => {
    writeFileSync(join(root, "one/card/to-fhir.fml"), map(title));
    writeFileSync(join(root, "one/card/maps/sex.csv"), table(target));
  };
  write("first", "male");
  const catalogue = await Catalogue.open(pathToFileURL(`${root}/`));
  const tables = conceptMapProvider(catalogue);
  const maps = structureMapProvider({ catalogue, clock: new ManualClock(), open: true });
  return {
    write,
    remove: () => rmSync(join(root, "one"), { recursive: true }),
    listed: () => [catalogue.maps.length, catalogue.tables.length],
    reload: (failure?: string) =>
      rereadClean(
        [
          {
            map: pathToFileURL(join(root, "one/card/to-fhir.fml")),
            ...(failure !== undefined && { failure }),
          },
        ],
        catalogue,
      ),
    async shown() {
      const conceptMap = (await tables.read("one-card-sex", ctx)).value as ConceptMap;
      const structureMap = (await maps.read("one-card-to-fhir", ctx)).value as StructureMap;
      const translated = (await tables.operations?.[0]?.run(
        {
          parameters: [
            { name: "code", valueCode: "1" },
            { name: "system", valueUri: "urn:s" },
          ],
          content: undefined,
          trace: false,
        },
        ctx,
      )) as Parameters;
      return [
        structureMap.title,
        conceptMap.group?.[0]?.element?.[0]?.target?.[0]?.code,
        translated.parameter?.[1]?.part?.[1]?.valueCoding?.code,
      ];
    },
  };
}

it("the doors list and translate by the tables and maps of the last clean reload", async () => {
  const { write, reload, shown } = await world();
  expect(await shown()).toEqual(["first", "male", "male"]);
  write("second", "female");
  await reload("one/card/to-fhir.fml:3:1 unknown-element");
  expect(await shown()).toEqual(["first", "male", "male"]);
  await reload();
  expect(await shown()).toEqual(["second", "female", "female"]);
});

it("the doors no longer list a message whose folder is gone", async () => {
  const { remove, reload, listed, shown } = await world();
  expect(listed()).toEqual([1, 1]);
  remove();
  await reload();
  expect(listed()).toEqual([0, 0]);
  await expect(shown()).rejects.toMatchObject({ code: "not-found" });
});

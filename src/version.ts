import { readFileSync } from "node:fs";

/** Version of the product, from package.json beside the sources. */
export const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

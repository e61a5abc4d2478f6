/** What tsc leaves behind: files of src that the product reads at run time, copied beside the compiled ones. */
import { cpSync } from "node:fs";

cpSync(new URL("../src", import.meta.url), new URL("../dist", import.meta.url), {
  recursive: true,
  filter: (path) => !/\.(ts|md)$/.test(path),
});

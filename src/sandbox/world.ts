import { readFileSync } from "node:fs";
import { type Organization, type Person, World } from "../systems/sandbox-world.ts";
import { type Names, type Post, populate } from "./population.ts";

const folder = new URL("../../fixtures/world/", import.meta.url);
const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as T;

/** A fresh synthetic world: the personas and organisations of `fixtures/world` and a crowd around them. */
export function createWorld(): World {
  const organizations = read<Organization[]>("organizations.json");
  const personas = read<Person[]>("personas.json");
  const posts = read<Post[]>("posts.json");
  const names = read<Names>("names.json");
  return new World(() => structuredClone(populate({ personas, organizations, posts, names })));
}

import { readFileSync } from "node:fs";
import Type, { type Static } from "typebox";
import { Value } from "typebox/value";
import { type PostRights, type Section, sections } from "./access-facts.ts";

const someSections = Type.Array(Type.Union(sections.map((one) => Type.Literal(one))));

const rights = { name: Type.String(), view: someSections, enter: someSections };

const table = Type.Object(
  {
    source: Type.String(),
    /** names for people */
    sections: Type.Record(Type.String(), Type.String()),
    groups: Type.Record(
      Type.String(),
      Type.Object(
        {
          ...rights,
          /** code of dictionary 11.1002 -> its name */
          posts: Type.Record(Type.String({ pattern: "^\\d{1,6}$" }), Type.String(), {
            additionalProperties: false,
          }),
        },
        { additionalProperties: false },
      ),
    ),
    /** of a post that stands in no group */
    others: Type.Object(rights, { additionalProperties: false }),
  },
  { additionalProperties: false },
);

type Table = Static<typeof table>;

/** A section as the person who works in it sees it. */
export interface OpenSection {
  code: Section;
  name: string;
  view: boolean;
  enter: boolean;
}

/** What each post of dictionary 11.1002 opens: only sections that its function needs (Z-05). */
export class PostTable {
  readonly #byPost: ReadonlyMap<string, PostRights>;
  readonly #others: PostRights;
  readonly #names: Table["sections"];

  constructor({ groups, others, sections: names }: Table) {
    this.#byPost = new Map(
      Object.values(groups).flatMap((group) => {
        const opened = openedBy(group);
        return Object.keys(group.posts).map((post) => [post, opened] as const);
      }),
    );
    this.#others = openedBy(others);
    this.#names = names;
  }

  /** All that these posts open together; a post that the table doesn't know opens what `others` does. */
  rightsOf(posts: readonly string[]): PostRights {
    const [first = this.#others, ...more] = posts.map((post) => this.#byPost.get(post) ?? this.#others);
    if (more.length === 0) return first;
    return {
      view: new Set([first, ...more].flatMap(({ view }) => [...view])),
      enter: new Set([first, ...more].flatMap(({ enter }) => [...enter])),
    };
  }

  /** The sections that these posts open, in the order of the table. */
  sectionsOf(posts: readonly string[]): OpenSection[] {
    const { view, enter } = this.rightsOf(posts);
    return sections
      .map((code) => ({
        code,
        name: this.#names[code] ?? code,
        view: view.has(code),
        enter: enter.has(code),
      }))
      .filter((one) => one.view || one.enter);
  }
}

const openedBy = ({ view, enter }: { view: Section[]; enter: Section[] }): PostRights => ({
  view: new Set(view),
  enter: new Set(enter),
});

const ownTable = new URL("post-rights.json", import.meta.url);

/** Reads the table from a JSON file, the product's own when none is given; throws TypeError for what is no such table. */
export function postTableIn(path: string | URL = ownTable): PostTable {
  const read: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!Value.Check(table, read)) {
    const [wrong] = [...Value.Errors(table, read)];
    throw new TypeError(`${path}${wrong?.instancePath}: ${wrong?.message}`);
  }
  const posts = Object.values(read.groups).flatMap((group) => Object.keys(group.posts));
  const twice = posts.find((post, index) => posts.indexOf(post) !== index);
  if (twice !== undefined) throw new TypeError(`${path}: post ${twice} stands in two groups`);
  return new PostTable(read);
}

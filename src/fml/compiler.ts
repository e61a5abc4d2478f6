import type { FmlMap } from "./ast.ts";
import { emitVariant } from "./emit-module.ts";
import { FmlCompileError, FmlSyntaxError, type Problem } from "./errors.ts";
import { type Library, type Linked, link } from "./linker.ts";
import { parseMap } from "./parser.ts";

/** A compiled map: its converter as JavaScript, and what could not be checked. */
export interface CompiledMap {
  readonly map: FmlMap;
  /** the text of an ES module with `create` alone, which makes the converter */
  readonly converter: string;
  /** the same with `createTraced`; that second form of the converter is written when this is first read */
  readonly code: string;
  /** URLs of `uses` lines without a model: their elements are taken as they come */
  readonly untyped: readonly string[];
  /** elements of the wire formats that the map reads or writes, as `type.element` */
  readonly touched: ReadonlySet<string>;
}

/**
 * Compiles a map to JavaScript. Throws FmlCompileError with every problem found, each with line and column; what the
 * compiler does not support is such a problem.
 */
export function compileMap(text: string, library: Library): CompiledMap {
  const map = parse(text);
  const linked = link(map, library);
  refuseProblems(linked);
  const plain = emitVariant(linked, "create", false);
  refuseProblems(linked);
  const identity = JSON.stringify({ url: map.url, name: map.name });
  const converter = withoutLineSeparators(`export const map = ${identity};\n${plain}\n`);
  let code: string | undefined;
  return {
    map,
    converter,
    get code() {
      code ??= `${converter}${withoutLineSeparators(emitVariant(linked, "createTraced", true))}\n`;
      return code;
    },
    untyped: linked.untyped,
    touched: linked.touched,
  };
}

// these two characters end a line comment; within a string their escapes mean the same
const withoutLineSeparators = (code: string) =>
  code.replace(/[\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`);

function refuseProblems({ problems }: Linked): void {
  if (problems.length > 0) {
    throw new FmlCompileError(problems.toSorted(byPosition));
  }
}

const byPosition = (a: Problem, b: Problem) =>
  a.position.line - b.position.line || a.position.column - b.position.column;

function parse(text: string): FmlMap {
  try {
    return parseMap(text);
  } catch (error) {
    if (!(error instanceof FmlSyntaxError)) {
      throw error;
    }
    const message = error.message.replace(/^\S+ /, "");
    throw new FmlCompileError([{ code: "syntax", message, position: error.position, map: "map" }]);
  }
}

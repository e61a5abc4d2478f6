import Type, { type Static, type TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { GatewayError } from "../../core/errors.ts";

const Text = Type.Union([Type.String(), Type.Null()]);

const cell = Type.Object({ column: Type.String(), value: Type.Union([Text, Type.Number(), Type.Boolean()]) });

/** One page of a dictionary's rows; columns come in any order, so rows are read by name. */
export const dataAnswer = Type.Object({ total: Type.Integer(), list: Type.Array(Type.Array(cell)) });

export const passportAnswer = Type.Object({
  oid: Type.String(),
  version: Type.String(),
  fullName: Type.String(),
  /** rows refer to rows of the same dictionary, by the column of the key FOREIGN */
  hierarchical: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  publishDate: Type.Optional(Text),
  rowsCount: Type.Optional(Type.Integer()),
  keys: Type.Optional(Type.Array(Type.Object({ field: Type.String(), type: Type.String() }))),
  codes: Type.Optional(Type.Array(Type.Object({ value: Type.String(), type: Type.String() }))),
});

export const versionsAnswer = Type.Object({
  total: Type.Integer(),
  list: Type.Array(Type.Object({ version: Type.String(), publishDate: Type.Optional(Text) })),
});

export const searchAnswer = Type.Object({
  total: Type.Integer(),
  list: Type.Array(
    Type.Object({ oid: Type.String(), version: Type.Optional(Text), fullName: Type.Optional(Text) }),
  ),
});

export type DataAnswer = Static<typeof dataAnswer>;
export type PassportAnswer = Static<typeof passportAnswer>;

/** A reader of one kind of answer: envelope first (`result`), then its shape. Throws GatewayError. */
export function answerReader<S extends TSchema>(schema: S): (text: string) => Static<S> {
  const checked = Compile(schema);
  return (text) => {
    const answer = parsed(text);
    const { result, resultText } = answer as { result?: unknown; resultText?: unknown };
    if (result === "ERROR")
      throw new GatewayError("dictionary-not-found", { system: "nsi", detail: `НСИ: ${String(resultText)}` });
    if (result !== "OK" || !checked.Check(answer))
      throw new GatewayError("upstream-wrong-shape", { system: "nsi" });
    return answer as Static<S>;
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const repaired = withDoubleQuotes(text);
    if (repaired !== undefined) return repaired;
    throw new GatewayError("upstream-malformed", { system: "nsi", detail: "the answer is not JSON", cause });
  }
}

// some gateways in front of НСИ print Python's spelling: single quotes, None, True (fact sheet 2.1)
function withDoubleQuotes(text: string): unknown {
  if (!/^\s*\{\s*'/.test(text)) return undefined;
  const json = text.replace(
    /'((?:[^'\\]|\\.)*)'|\b(None|True|False)\b/g,
    (_whole, quoted: string | undefined, word: string | undefined) =>
      word ? word.replace("None", "null").toLowerCase() : JSON.stringify((quoted ?? "").replace(/\\'/g, "'")),
  );
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

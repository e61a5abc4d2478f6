import { describe, expect, it } from "vitest";
import { checkMessage } from "../scripts/mapping-check.ts";
import { messages } from "../scripts/mapping-folder.ts";

describe("every map", () => {
  it.each(messages().map((message) => [message.name, message] as const))(
    "%s compiles, converts its fixtures, agrees with the interpreter and leaves nothing out unlisted",
    async (_name, message) => {
      expect(await checkMessage(message)).toEqual([]);
    },
  );
});

import { expect, it } from "vitest";
import { storedTypes } from "../stored-types.ts";
import { indexedParametersOf } from "./parameters.ts";

it("no text of a stored type about people lies in the index as it was written", () => {
  const clear = storedTypes
    .filter(({ isPublic }) => !isPublic)
    .flatMap(({ type }) =>
      indexedParametersOf(type)
        .filter(
          ({ type: kind, components, personal }) =>
            !personal && [kind, components.at(-1)?.kind].includes("string"),
        )
        .map(({ name }) => `${type}.${name}`),
    );
  expect(clear).toEqual([]);
});

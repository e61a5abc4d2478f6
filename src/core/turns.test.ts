import { expect, it } from "vitest";
import { Turns } from "./turns.ts";

it("work about one name goes in the order in which it came, about others beside it, and 64 wait at most", async () => {
  const turns = new Turns();
  const done: string[] = [];
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const first = turns.take(["a", "b"], () => gate.then(() => void done.push("first")));
  const waiting = Array.from({ length: 63 }, (_, n) => turns.take(["a"], async () => void done.push(`${n}`)));
  await expect(turns.take(["a"], async () => void done.push("over"))).rejects.toMatchObject({
    code: "overloaded",
  });
  await turns.take(["c"], async () => void done.push("other"));
  open();
  await Promise.all([first, ...waiting]);
  expect(done).toEqual(["other", "first", ...Array.from({ length: 63 }, (_, n) => `${n}`)]);
  await turns.take(["a"], async () => void done.push("later"));
  expect(done.at(-1)).toBe("later");
});

it("work that fails lets the next go on", async () => {
  const turns = new Turns();
  const failing = turns.take(["a"], () => Promise.reject(new TypeError("broken")));
  const next = turns.take(["a"], async () => "done");
  await expect(failing).rejects.toThrow("broken");
  expect(await next).toBe("done");
});

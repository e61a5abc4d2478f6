import { expect, it } from "vitest";
import { silentLogger } from "../core/logger.ts";
import { maskText } from "../telemetry/redaction.ts";
import { certificateWatch } from "./certificate-watch.ts";

it("each notice becomes a warning that survives the log's mask", async () => {
  const warned: unknown[] = [];
  const job = certificateWatch({
    log: { ...silentLogger, warn: (fields) => warned.push(fields) },
    notices: () => ["The certificate of MISCAB01 runs out on 2026-12-03, in 12 days."],
  });
  await job.run(new AbortController().signal);
  expect(warned).toHaveLength(1);
  const { detail } = warned[0] as { detail: string };
  expect(maskText(detail)).toMatch(/^The certificate of MISCAB01 runs out .* in 12 days\.$/);
});

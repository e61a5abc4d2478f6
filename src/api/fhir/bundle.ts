import type { Bundle, BundleEntry } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import { formatOf } from "../../plugins/fhir-format.ts";
import { keptAnswer } from "../../plugins/idempotency.ts";
import type { KeptAnswer } from "../../store/idempotency.ts";
import { type AskedChange, toldBy, type WritingCaller } from "./asked.ts";
import { type AskedEntry, entryOf } from "./bundle-entry.ts";
import { preparedRead } from "./bundle-read.ts";
import { type BundleCaller, respondedCall, respondedChange, respondedFailure } from "./bundle-response.ts";
import { answeredOrDeferred, type DeferredDoor } from "./deferred.ts";
import { sendResource, writtenResource } from "./reply.ts";
import { resourceInBody } from "./resource-body.ts";
import { respondedChanges, transacted } from "./transaction.ts";
import { changed } from "./write.ts";

/** `POST [base]`: a batch or a transaction (FHIR R4 3.1.0.11). */
export const answerBundle =
  (door: Omit<BundleCaller, "request"> & { deferred?: DeferredDoor }) =>
  async (request: FastifyRequest, reply: FastifyReply) => {
    const format = formatOf(request);
    const bundle = resourceInBody(request) as Bundle;
    const caller = { ...door, request };
    const entries = entriesOf(caller, bundle);
    if (bundle.type === "batch") {
      const answer = async () =>
        sendResource(request, reply, responseOf("batch", await batched(caller, entries)), format);
      const { deferred, providers } = door;
      // entries that were done before a process died must not be done again
      const repeatable = entries.every((entry) => entry?.request?.method === "GET");
      return answeredOrDeferred({ baseUrl: providers.baseUrl, deferred, request, reply }, answer, {
        repeatable,
      });
    }
    const asked = entries.map((entry, index) =>
      entryOf(door.providers, entry, { index, type: "transaction" }),
    );
    // what the transaction itself tells is kept with it, and once more with what is read after it
    const isLast = !asked.some(({ read }) => read);
    const settle: WritingCaller["settle"] = (trx, done) => {
      const answer = responseOf("transaction", respondedChanges(caller, asked, done));
      const accesses = toldBy(done);
      const kept = { ...keptAnswer(reply, writtenResource(reply, answer, format)), accesses };
      return request.settle(trx, kept, { isLast });
    };
    const answers = await transacted({ ...caller, settle }, asked);
    return sendResource(request, reply, responseOf("transaction", answers), format);
  };

const responseOf = (type: "batch" | "transaction", entry: BundleEntry[]): Bundle => ({
  resourceType: "Bundle",
  type: `${type}-response`,
  entry,
});

function entriesOf({ rules }: BundleCaller, bundle: Bundle): readonly BundleEntry[] {
  if (bundle.resourceType !== "Bundle" || (bundle.type !== "batch" && bundle.type !== "transaction"))
    throw new GatewayError("bad-request", { field: "Bundle.type", detail: "send a batch or a transaction" });
  const { entry = [] } = bundle;
  if (!Array.isArray(entry)) throw new GatewayError("bad-request", { field: "Bundle.entry" });
  if (entry.length > rules.bundleEntries)
    throw new GatewayError("payload-too-large", {
      field: "Bundle.entry",
      detail: `at most ${rules.bundleEntries} entries`,
    });
  return entry;
}

/** Each entry for itself: its own scope, decision, journal and answer. */
async function batched(caller: BundleCaller, entries: readonly BundleEntry[]): Promise<BundleEntry[]> {
  const answers: BundleEntry[] = [];
  for (const [index, entry] of entries.entries()) answers.push(await answered(caller, entry, index));
  return answers;
}

async function answered(caller: BundleCaller, entry: BundleEntry, index: number): Promise<BundleEntry> {
  let asked: AskedEntry | undefined;
  // the ground of one entry is not that of the next
  caller.request.ground = undefined;
  caller.request.refused = undefined;
  try {
    asked = entryOf(caller.providers, entry, { index, type: "batch" });
    const { change, read: reading, call } = asked;
    if (change) return await changedOnce(caller, change, index);
    if (reading) return await preparedRead(caller, reading)();
    if (call) return await respondedCall(caller, call);
    throw new GatewayError("bad-request", { field: `Bundle.entry[${index}]` });
  } catch (error) {
    return respondedFailure(caller, asked, error);
  }
}

/** A change of a batch is kept by itself: after a crash or a refusal of others a repeat does what is left to do. */
async function changedOnce(caller: BundleCaller, change: AskedChange, index: number): Promise<BundleEntry> {
  const { body } = await caller.request.oncePart(index, async (settlePart) => {
    const settle: WritingCaller["settle"] = (trx, done) =>
      settlePart(trx, {
        ...keptEntry(respondedChange(caller, done)),
        accesses: toldBy(done),
      });
    return keptEntry(respondedChange(caller, await changed({ ...caller, settle }, change)));
  });
  const { entry = [] } = JSON.parse(Buffer.from(body).toString("utf8")) as Bundle;
  return entry[0] ?? {};
}

const keptEntry = (entry: BundleEntry): KeptAnswer => ({
  status: 200,
  headers: {},
  body: Buffer.from(JSON.stringify(responseOf("batch", [entry]))),
});

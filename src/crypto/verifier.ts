import { Worker } from "node:worker_threads";
import { CryptoError } from "./errors.ts";
import type { RevocationAnswer, RevocationSources } from "./revocation.ts";
import type { SignatureReport } from "./signature-report.ts";
import type {
  CertificateQuestion,
  CertificateReport,
  SignatureQuestion,
  TrustAnchors,
} from "./verify-signature.ts";
import type { Failure, FromWorker, MessageQuestion, Outcome, ToWorker } from "./verify-worker.ts";

/** The verification port: heavy arithmetic stays off the event loop. */
export interface Verifier {
  /** The whole check of a detached container; a bad signature is a report, never a rejection. */
  verify(question: SignatureQuestion): Promise<SignatureReport>;
  /** A certificate alone: dates, path, revocation. Rejects with `bad-encoding` when it is not readable. */
  verifyCertificate(question: CertificateQuestion): Promise<CertificateReport>;
  /** One signature by a known key; rejects with `bad-key` or `unsupported-algorithm` for a key that is not accepted. */
  verifyMessage(question: MessageQuestion): Promise<boolean>;
  /** Stops the threads; checks under way are rejected with `worker-failed`. */
  close(): Promise<void>;
}

export interface VerifierOptions {
  readonly anchors: TrustAnchors;
  readonly revocation: RevocationSources;
  /** One when absent; each costs about 40 MB. */
  readonly threads?: number;
}

interface Pending {
  resolve(result: Outcome): void;
  reject(error: CryptoError): void;
}

type RevocationMessage = Extract<FromWorker, { kind: "fetch" | "keep" }>;

type Job =
  | { readonly kind: "signature"; readonly question: SignatureQuestion }
  | { readonly kind: "certificate"; readonly question: CertificateQuestion }
  | { readonly kind: "message"; readonly question: MessageQuestion };

/** Starts threads when there is work; idle threads never keep the process alive, and a dead one is replaced. */
export function createVerifier(options: VerifierOptions): Verifier {
  const threads = Array.from({ length: options.threads ?? 1 }, () => new VerifierThread(options));
  const leastBusy = () => threads.reduce((best, thread) => (thread.load < best.load ? thread : best));
  return {
    verify: async (question) => (await leastBusy().run({ kind: "signature", question })) as SignatureReport,
    verifyCertificate: async (question) =>
      (await leastBusy().run({ kind: "certificate", question })) as CertificateReport,
    verifyMessage: async (question) => (await leastBusy().run({ kind: "message", question })) as boolean,
    close: async () => {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

class VerifierThread {
  readonly #options: VerifierOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #jobs = 0;

  constructor(options: VerifierOptions) {
    this.#options = options;
  }

  get load(): number {
    return this.#pending.size;
  }

  run(job: Job): Promise<Outcome> {
    const worker = this.#started();
    this.#jobs += 1;
    const id = this.#jobs;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ ...job, id } satisfies ToWorker);
    });
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#fail(new CryptoError("worker-failed", "the verifier was closed"));
    await worker?.terminate();
  }

  #started(): Worker {
    if (this.#worker) return this.#worker;
    const worker = startWorker(this.#options.anchors);
    this.#worker = worker;
    worker.on("message", (message: FromWorker) => this.#receive(worker, message));
    const lost = (cause?: unknown) => {
      if (this.#worker !== worker) return;
      this.#fail(new CryptoError("worker-failed", "the verification thread stopped", { cause }));
    };
    worker.on("error", lost);
    worker.on("exit", () => lost());
    return worker;
  }

  #receive(worker: Worker, message: FromWorker): void {
    if (message.kind === "fetch" || message.kind === "keep") {
      void this.#answer(worker, message);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (this.#pending.size === 0) worker.unref();
    if (message.kind === "result") pending?.resolve(message.result);
    else pending?.reject(new CryptoError(message.failure.code, message.failure.message));
  }

  async #answer(worker: Worker, asked: RevocationMessage): Promise<void> {
    const answer = await this.#ofRevocation(asked).catch((error: unknown) => ({
      failure: revocationFailure(error),
    }));
    worker.postMessage({ kind: "answer", id: asked.id, answer } satisfies ToWorker);
  }

  async #ofRevocation(asked: RevocationMessage): Promise<RevocationAnswer | undefined> {
    const { fetch, keep } = this.#options.revocation;
    if (asked.kind === "fetch") return fetch(asked.url, asked.body, asked.lastKnown);
    await keep?.(asked.verified);
    return undefined;
  }

  #fail(error: CryptoError): void {
    this.#worker = undefined;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function revocationFailure(error: unknown): Failure {
  if (error instanceof CryptoError) return { code: error.code, message: error.message };
  return { code: "revocation-unavailable", message: "the revocation source does not answer" };
}

function startWorker(workerData: TrustAnchors): Worker {
  const here = import.meta.url;
  const options = { workerData, name: "verifier", execArgv: [] };
  if (!here.endsWith(".ts")) return new Worker(new URL("./verify-worker.js", here), options);
  // a thread does not inherit tsx, and on Node 20 `--import tsx` does nothing in one: load it first
  const tsx = import.meta.resolve("tsx/esm/api");
  const source = new URL("./verify-worker.ts", here).href;
  const bootstrap = `import("${tsx}").then((tsx) => { tsx.register(); return import("${source}"); })`;
  return new Worker(bootstrap, { ...options, eval: true });
}

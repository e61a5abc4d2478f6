import { parentPort, workerData } from "node:worker_threads";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { CryptoError, type CryptoErrorCode } from "./errors.ts";
import { parsePublicKey, verifyMessage } from "./keys.ts";
import type { RevocationAnswer, RevocationSources, VerifiedAnswer } from "./revocation.ts";
import type { SignatureReport } from "./signature-report.ts";
import {
  type CertificateQuestion,
  type CertificateReport,
  type SignatureQuestion,
  type TrustAnchors,
  verifyCertificate,
  verifySignature,
} from "./verify-signature.ts";

/** One signature over one message by a known key, as in a token. */
export interface MessageQuestion {
  /** SubjectPublicKeyInfo of the key. */
  readonly spki: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** What a job comes to: a report, or yes or no for a single message. */
export type Outcome = SignatureReport | CertificateReport | boolean;

export interface Failure {
  readonly code: CryptoErrorCode;
  readonly message: string;
}

export type ToWorker =
  | { readonly kind: "signature"; readonly id: number; readonly question: SignatureQuestion }
  | { readonly kind: "certificate"; readonly id: number; readonly question: CertificateQuestion }
  | { readonly kind: "message"; readonly id: number; readonly question: MessageQuestion }
  | {
      readonly kind: "answer";
      readonly id: number;
      /** Nothing when a kept answer is only acknowledged. */
      readonly answer: RevocationAnswer | { failure: Failure } | undefined;
    };

export type FromWorker =
  | { readonly kind: "result"; readonly id: number; readonly result: Outcome }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure }
  | {
      readonly kind: "fetch";
      readonly id: number;
      readonly url: string;
      readonly body: Uint8Array | undefined;
      readonly lastKnown: boolean | undefined;
    }
  | { readonly kind: "keep"; readonly id: number; readonly verified: VerifiedAnswer };

/** An error as plain data: class instances lose their prototype between threads. */
function failureOf(error: unknown): Failure {
  if (error instanceof CryptoError) return { code: error.code, message: error.message };
  return { code: "worker-failed", message: error instanceof Error ? error.message : "unknown failure" };
}

type Answer = Extract<ToWorker, { kind: "answer" }>["answer"];

const waiting = new Map<number, (answer: Answer) => void>();
let questions = 0;

// the network and what is kept of it belong to the main thread, behind its port
const sources: RevocationSources = {
  fetch: async (url, body, lastKnown) =>
    (await ask((id) => ({ kind: "fetch", id, url, body, lastKnown }))) as RevocationAnswer,
  keep: async (verified) => {
    await ask((id) => ({ kind: "keep", id, verified }));
  },
};

function ask(question: (id: number) => FromWorker): Promise<Answer> {
  questions += 1;
  const id = questions;
  return new Promise((resolve, reject) => {
    waiting.set(id, (answer) => {
      waiting.delete(id);
      if (answer && "failure" in answer) reject(new CryptoError(answer.failure.code, answer.failure.message));
      else resolve(answer);
    });
    post(question(id));
  });
}

function post(message: FromWorker): void {
  parentPort?.postMessage(message);
}

async function run(job: Exclude<ToWorker, { kind: "answer" }>): Promise<Outcome> {
  if (job.kind === "signature") return verifySignature(job.question, workerData as TrustAnchors, sources);
  if (job.kind === "certificate") return verifyCertificate(job.question, workerData as TrustAnchors, sources);
  const { spki, algorithm, message, signature } = job.question;
  return verifyMessage(parsePublicKey(spki), algorithm, message, signature);
}

parentPort?.on("message", (message: ToWorker) => {
  if (message.kind === "answer") {
    waiting.get(message.id)?.(message.answer);
    return;
  }
  run(message).then(
    (result) => post({ kind: "result", id: message.id, result }),
    (error: unknown) => post({ kind: "failed", id: message.id, failure: failureOf(error) }),
  );
});

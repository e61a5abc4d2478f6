import nock from "nock";
import { afterAll, afterEach, beforeAll } from "vitest";

// importing it is enough to replace this process's HTTP, which test files share
nock.restore();

/** Answers of nock for the tests of this file or of the describe block around. */
export function answerByNock(): void {
  beforeAll(() => nock.activate());
  afterEach(() => nock.cleanAll());
  afterAll(() => nock.restore());
}

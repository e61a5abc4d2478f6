import type { FastifyInstance } from "fastify";

/** Routes of this scope read `application/x-www-form-urlencoded` and answer 415 to every other body. */
export function takeFormsOnly(scope: FastifyInstance): void {
  scope.removeContentTypeParser(["application/json", "text/plain"]);
}

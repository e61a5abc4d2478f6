import { readFileSync } from "node:fs";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from "fastify";
import openapiGlue from "fastify-openapi-glue";
import { parse } from "yaml";

/** A handler per operationId of openapi/cabinet.yaml. */
export type CabinetOperations = Readonly<Record<string, RouteHandlerMethod>>;

const specificationFile = new URL("../../../openapi/cabinet.yaml", import.meta.url);

/** The text of openapi/cabinet.yaml, the contract that routes, types and documentation come from. */
export function cabinetSpecification(): string {
  return readFileSync(specificationFile, "utf8");
}

/** The cabinet API under `/cabinet/v1`: routes and validation come from the contract. */
export function registerCabinet(app: FastifyInstance, operations: CabinetOperations): void {
  app.register(openapiGlue, {
    specification: parse(cabinetSpecification()),
    operationResolver: (operationId = "") => {
      const handler = operations[operationId];
      // a promise of the contract that nobody keeps must not start
      if (!handler) throw new TypeError(`openapi/cabinet.yaml names ${operationId}, which has no handler`);
      return handler as (request: FastifyRequest, reply: FastifyReply) => void;
    },
    prefix: "/cabinet/v1",
  });
}

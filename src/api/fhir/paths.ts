import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import { type Interaction, offers, type Provider, type Providers } from "../../fhir/provider.ts";
import { methodsOf, operationOf } from "./operation-call.ts";

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const satisfies HTTPMethods[];
type Method = (typeof methods)[number];

export interface TypeParams {
  type: string;
  id: string;
  version: string;
  /** of a compartment */
  owner: string;
}

// of a path
const ids = ["id", "owner"] as const;

export type Answering = (
  request: FastifyRequest<{ Params: TypeParams }>,
  reply: FastifyReply,
  provider: Provider,
) => unknown;

/** What a path of a type does by method: the interaction that the type must offer, and how it is answered. */
export type Ways = Readonly<Partial<Record<Method, readonly [Interaction, Answering]>>>;

/**
 * Registers a path that begins with `:type`. A method that the type does not offer there is answered 405, its
 * `Allow` naming exactly those that it does (RFC 9110 15.5.6).
 */
export function onTypePath(
  app: FastifyInstance,
  { providers, maxBodyBytes }: { providers: Providers; maxBodyBytes?: number },
  url: string,
  ways: Ways,
): void {
  for (const method of methods) {
    const way = ways[method];
    app.route<{ Params: TypeParams }>({
      method,
      url,
      bodyLimit: maxBodyBytes,
      handler: (request, reply) => {
        const provider = providerOf(providers, request.params.type);
        refuseOperation(provider, request.params.id, reply);
        for (const name of ids) refuseNoId(request.params[name]);
        if (way && offers(provider, way[0])) return way[1](request, reply, provider);
        reply.header("allow", allowedBy(ways, provider).join(", "));
        throw new GatewayError("method-not-allowed", { field: provider.type });
      },
    });
  }
  app.options<{ Params: TypeParams }>(url, (request, reply) => {
    const provider = providerOf(providers, request.params.type);
    const allowed = operationMethods(provider, request.params.id) ?? allowedBy(ways, provider);
    return reply
      .code(204)
      .header("allow", [...allowed, "OPTIONS"].join(", "))
      .send();
  });
}

/**
 * Registers a path that belongs to no type, with all its methods: those that it has not would else be taken for a type
 * of that name. They are refused before a body is read.
 */
export function onOwnPath<Params>(
  app: FastifyInstance,
  url: string,
  ways: Partial<
    Record<Method, (request: FastifyRequest<{ Params: Params }>, reply: FastifyReply) => unknown>
  >,
  options: { bodyLimit?: number } = {},
): void {
  const allow = withHead(methods.filter((method) => ways[method]));
  const refuse = async (_: FastifyRequest, reply: FastifyReply) => {
    reply.header("allow", allow.join(", "));
    throw new GatewayError("method-not-allowed");
  };
  for (const method of methods) {
    const handler = ways[method];
    app.route({
      method,
      url,
      ...options,
      ...(handler ? { handler } : { onRequest: refuse, handler: refuse }),
    });
  }
  app.options(url, (_, reply) =>
    reply
      .code(204)
      .header("allow", [...allow, "OPTIONS"].join(", "))
      .send(),
  );
}

/** Whether a text has the form of an id (FHIR R4 datatypes). */
export const isId = (text: string): boolean => /^[A-Za-z0-9\-.]{1,64}$/.test(text);

/** Nothing has what is no id of FHIR R4, and no store should be asked for it: throws `not-found`. */
export function refuseNoId(id: string | undefined): void {
  if (id !== undefined && !isId(id)) throw new GatewayError("not-found", { detail: "no id of FHIR R4" });
}

/** What its own route did not take is a wrong method, or no operation at all. */
function refuseOperation(provider: Provider, id: string | undefined, reply: FastifyReply): void {
  const allowed = operationMethods(provider, id);
  if (!allowed) return;
  reply.header("allow", allowed.join(", "));
  throw new GatewayError("method-not-allowed", { field: provider.type });
}

/** Of `Type/$name`; undefined for anything else. Throws `not-found` for an operation that the type does not have. */
function operationMethods(provider: Provider, id: string | undefined): string[] | undefined {
  if (!id?.startsWith("$")) return undefined;
  const operation = operationOf(provider, "type", id.slice(1));
  if (!operation) throw new GatewayError("not-found", { detail: "no such operation" });
  return methodsOf(operation);
}

const allowedBy = (ways: Ways, provider: Provider): string[] =>
  withHead(methods.filter((method) => ways[method] && offers(provider, ways[method][0])));

const withHead = (allowed: readonly Method[]): string[] =>
  allowed.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));

/** The provider of a type; throws GatewayError `unsupported-type`. */
export function providerOf(providers: Providers, type: string): Provider {
  const provider = providers.of(type);
  // whatever else stands there may be a person's name
  if (!provider) throw new GatewayError("unsupported-type", { field: typeName.test(type) ? type : "type" });
  return provider;
}

const typeName = /^[A-Z][A-Za-z]{1,40}$/;

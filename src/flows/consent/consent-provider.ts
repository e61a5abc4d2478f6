import type { RequestContext } from "../../core/context.ts";
import { isGatewayError } from "../../core/errors.ts";
import type { Provider } from "../../fhir/provider.ts";
import { consentPlace } from "./consent-store.ts";

/**
 * Consents of the caller's tenant, and beside them those that patients gave in the cabinet: read by id, in a version, in
 * their history and as what a resource refers to; the repository finds them in searches. Changes are made in the
 * caller's tenant only.
 */
export function withGivenConsents(provider: Provider): Provider {
  const { read, vread, history, indexed } = provider;
  return {
    ...provider,
    read: (id, ctx) => ownOrGiven(ctx, (where) => read(id, where)),
    ...(vread && { vread: (id, version, ctx) => ownOrGiven(ctx, (where) => vread(id, version, where)) }),
    ...(history && {
      history: (request, ctx) =>
        request.id === undefined
          ? history(request, ctx)
          : ownOrGiven(ctx, (where) => history(request, where)),
    }),
    ...(indexed && {
      indexed: {
        ...indexed,
        byIds: async (ids, ctx) => [
          ...(await indexed.byIds(ids, ctx)),
          ...(await indexed.byIds(ids, amongGiven(ctx))),
        ],
      },
    }),
  };
}

const amongGiven = (ctx: RequestContext): RequestContext => ({
  ...ctx,
  actor: { ...ctx.actor, tenant: consentPlace.tenant },
});

async function ownOrGiven<T>(ctx: RequestContext, ask: (ctx: RequestContext) => Promise<T>): Promise<T> {
  try {
    return await ask(ctx);
  } catch (error) {
    if (!isGatewayError(error) || error.code !== "not-found") throw error;
    return ask(amongGiven(ctx));
  }
}

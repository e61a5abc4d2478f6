import type {
  FastifyInstance,
  onSendHookHandler,
  preHandlerHookHandler,
  preValidationHookHandler,
} from "fastify";

interface ChangeHooks {
  preValidation?: preValidationHookHandler;
  preHandler?: preHandlerHookHandler;
  onSend?: onSendHookHandler;
}

const reading = new Set(["GET", "HEAD", "OPTIONS"]);

/** Hooks for those routes that will be added to this scope and may change something; a read does not pay for them. */
export function hookChanges(app: FastifyInstance, hooks: ChangeHooks): void {
  app.addHook("onRoute", (route) => {
    if ([route.method].flat().every((method) => reading.has(method))) return;
    route.preValidation = joined(hooks.preValidation, route.preValidation);
    route.preHandler = joined(hooks.preHandler, route.preHandler);
    route.onSend = joined(hooks.onSend, route.onSend);
  });
}

const joined = <Hook>(first: Hook | undefined, own: Hook | Hook[] | undefined) =>
  [first ?? [], own ?? []].flat() as Hook[];

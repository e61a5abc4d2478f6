import type { FastifyInstance } from "fastify";

export interface Route {
  method: string;
  url: string;
}

declare module "fastify" {
  interface FastifyInstance {
    /** every route there is, once the app is ready */
    routeTable: readonly Route[];
  }
}

/** Notes each route as it is registered; to be called before any of them is. */
export function registerRouteTable(app: FastifyInstance): void {
  const routes: Route[] = [];
  app.decorate("routeTable", routes);
  app.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, url });
  });
}

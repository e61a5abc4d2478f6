import { readFileSync } from "node:fs";
import type { JSONWebKeySet } from "jose";
import Type, { type Static } from "typebox";
import { Value } from "typebox/value";
import { isAtOrBelow } from "./oid-tree.ts";

const oidForm = "^[0-2](\\.\\d+)+$";

const clientSchema = Type.Object({
  clientId: Type.String({ minLength: 1, maxLength: 64 }),
  name: Type.String(),
  /** root ФРМО OID of the legal entity that runs the client */
  tenant: Type.String({ pattern: oidForm }),
  /** ФРМО OIDs of other organisations, with every unit below them, for whose workers it acts: a regional system's */
  organizations: Type.Optional(Type.Array(Type.String({ pattern: oidForm }), { maxItems: 1000 })),
  scopes: Type.Array(Type.String()),
  /**
   * "security": may read the journal of its tenant and of what others did to its data; "support": of that, how people
   * were verified; "regulator": that of every organisation in its remit; "tracing": may ask with X-Debug-Trace for a
   * trace to be kept
   */
  duties: Type.Optional(
    Type.Array(
      Type.Union([
        Type.Literal("security"),
        Type.Literal("support"),
        Type.Literal("regulator"),
        Type.Literal("tracing"),
      ]),
    ),
  ),
  /** ФРМО OIDs that a regulator looks after, with every organisation below them; a region: 1.2.643.5.1.13.13.12.2.77 */
  remit: Type.Optional(Type.Array(Type.String({ pattern: oidForm }), { maxItems: 50 })),
  /** the operator vouches that its workers open their sessions in the client with such a signature (E-04, E-11) */
  signature: Type.Optional(
    Type.Union([Type.Literal("simple"), Type.Literal("enhanced"), Type.Literal("qualified")]),
  ),
  /** its X-Request-ID is the same in a repeat of a change and in nothing else, as an Idempotency-Key is */
  repeatsByRequestId: Type.Optional(Type.Boolean()),
  /** prefixes of the addresses that its Subscriptions may have us call */
  subscriptionEndpoints: Type.Optional(Type.Array(Type.String({ pattern: "^https?://" }))),
  jwks: Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1 }) }),
});

/** A registered client system: a medical information system or another back end. */
export type Client = Omit<Static<typeof clientSchema>, "jwks"> & { jwks: JSONWebKeySet };

/** True when the client acts for workers of the organisation: its own, a unit below it, or one of its list. */
export const actsFor = ({ tenant, organizations = [] }: Client, oid: string): boolean =>
  isAtOrBelow(oid, [tenant, ...organizations]);

export interface ClientRegistry {
  find(clientId: string): Client | undefined;
}

/** Registered clients by id, held in memory. */
export function createClientRegistry(clients: readonly Client[]): ClientRegistry {
  const byId = new Map(clients.map((client) => [client.clientId, client]));
  return { find: (clientId) => byId.get(clientId) };
}

/** Reads the list of clients from a JSON file; throws TypeError naming the first wrong element. */
export function readClients(path: string): Client[] {
  const list: unknown = JSON.parse(readFileSync(path, "utf8"));
  const schema = Type.Array(clientSchema);
  const [wrong] = [...Value.Errors(schema, list)];
  if (wrong) throw new TypeError(`${path}${wrong.instancePath}: ${wrong.message}`);
  const clients = list as Client[];
  const astray = clients.find(({ remit, duties = [] }) => remit && !duties.includes("regulator"));
  if (astray) throw new TypeError(`${path}: ${astray.clientId} has a remit without the duty of a regulator`);
  return clients;
}

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import Type from "typebox";
import { Value } from "typebox/value";
import { derOfPem } from "../sandbox-crypto/pem.ts";
import type { EsiaClient } from "../systems/esia/sandbox/clients.ts";

const clientsSchema = Type.Array(
  Type.Object(
    {
      clientId: Type.String({ minLength: 1 }),
      certificate: Type.String({ description: "PEM file, its path from this list" }),
      redirectUris: Type.Array(Type.String({ pattern: "^https?://" })),
      tokenAlgorithm: Type.Union([Type.Literal("RS256"), Type.Literal("GOST3410_2012_256")]),
      scopes: Type.Optional(Type.Array(Type.String())),
      disabled: Type.Optional(Type.Boolean()),
    },
    { additionalProperties: false },
  ),
);

/** Reads partners' systems from a JSON list with certificates beside it; throws when it has another shape. */
export function readEsiaClients(path: string): EsiaClient[] {
  const rows = Value.Parse(clientsSchema, JSON.parse(readFileSync(path, "utf8")));
  return rows.map(({ certificate, ...client }) => ({
    ...client,
    certificateDer: derOfPem(readFileSync(resolve(dirname(path), certificate), "utf8"), "CERTIFICATE"),
  }));
}

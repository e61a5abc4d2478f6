import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import type { KeyKind } from "../../../sandbox-crypto/keys.ts";
import { pemOf } from "../../../sandbox-crypto/pem.ts";
import type { SandboxSystem } from "../../sandbox-system.ts";
import { Authorities, type Authority, type KeptRoots } from "./authorities.ts";
import { isAuthorityName } from "./authority-names.ts";
import { organizationDoor } from "./organization-door.ts";
import { type CertificateOrder, SandboxSigners } from "./signers.ts";
import { signingPage, signingScript } from "./signing-page.ts";
import { variantNames } from "./variants.ts";

type AuthorityPath = { Params: { kind: KeyKind; name: string } };

const kind = { type: "string", enum: ["rsa", "gost"], default: "rsa" };
const order = {
  owner: { type: "string", maxLength: 128 },
  kind,
  variant: { type: "string", enum: variantNames, default: "good" },
};
const authorityPath = {
  params: { type: "object", properties: { kind, name: { type: "string" } } },
};

/** Authorities, their lists and responders, people's signing tools and an organisation's signing service. */
export function pkiSandbox(clock: ConstructorParameters<typeof Authorities>[0], kept?: KeptRoots) {
  const authorities = new Authorities(clock, kept);
  const system: SandboxSystem = {
    name: "pki",
    title: "Удостоверяющие центры и средства подписи (без юридической силы)",
    operations: [
      { name: "GET /crl/{kind}/{authority}", grade: "A", note: "список отозванных, RFC 5280" },
      { name: "POST /ocsp/{kind}/{authority}", grade: "A", note: "состояние сертификата, RFC 6960" },
      { name: "GET /roots", grade: "C", note: "корневые сертификаты песочницы, PEM" },
      { name: "POST /signatures", grade: "C", note: "отсоединённая подпись вымышленного человека" },
      { name: "GET /signing", grade: "C", note: "страница, на которой подписывает человек" },
      { name: "POST /organizations/{oid}/signatures", grade: "C", note: "сервис подписи организации" },
    ],
    scenarios: {
      "stale-status": "the answer about revocation ended a day ago",
      "unknown-status": "the responder does not know the certificate",
      "forged-status": "the answer is signed by a stranger",
    },
    scenarioPaths: { "stale-status": "/ocsp", "unknown-status": "/ocsp", "forged-status": "/ocsp" },
    wrongSchema: { contentType: "application/ocsp-response", body: "not DER" },
    register: async (app, { world, clock: now }) => {
      const signers = new SandboxSigners({ authorities, world, clock: now });
      app.addHook("onRequest", async () => announce(app, authorities));
      statusDoors(app, authorities);
      signingDoors(app, signers, () => now.now());
      app.get("/signing", (_request, reply) =>
        reply.type("text/html; charset=utf-8").send(signingPage(world)),
      );
      app.get("/signing.js", (_request, reply) => reply.type("text/javascript").send(signingScript));
      organizationDoor(app, signers, () => new Date(now.now()));
    },
  };
  return { ...system, roots: () => authorities.roots() };
}

// certificates name the address that the sandbox listens at, which is known when the first one is made
function announce(app: FastifyInstance, authorities: Authorities): void {
  const { port } = app.server.address() as AddressInfo;
  authorities.base ||= `http://localhost:${port}${app.prefix}`;
}

function statusDoors(app: FastifyInstance, authorities: Authorities): void {
  const bytes = { parseAs: "buffer" as const };
  app.addContentTypeParser("application/ocsp-request", bytes, (_request, body, done) => done(null, body));
  const named = ({ kind: of, name }: AuthorityPath["Params"]): Authority | undefined =>
    isAuthorityName(name) ? authorities.authority(of, name) : undefined;

  app.get("/roots", (_request, reply) => {
    const pem = authorities.roots().map((der) => pemOf(der, "CERTIFICATE"));
    return reply.type("application/x-pem-file").send(pem.join(""));
  });
  app.get<AuthorityPath>("/crl/:kind/:name", { schema: authorityPath }, async (request, reply) => {
    const authority = named(request.params);
    if (!authority) return reply.code(404).send();
    const list = authorities.crl(authority, request.scenario === "stale-status");
    return reply.type("application/pkix-crl").send(Buffer.from(list));
  });
  app.post<AuthorityPath & { Body: Buffer }>(
    "/ocsp/:kind/:name",
    { schema: authorityPath },
    async (request, reply) => {
      const authority = named(request.params);
      if (!authority) return reply.code(404).send();
      const { scenario } = request;
      const answer = authorities.ocsp(authority, request.body, {
        isStale: scenario === "stale-status",
        isUnknown: scenario === "unknown-status",
        isForged: scenario === "forged-status",
      });
      return reply.type("application/ocsp-response").send(Buffer.from(answer));
    },
  );
}

function signingDoors(app: FastifyInstance, signers: SandboxSigners, now: () => number): void {
  app.get<{ Querystring: CertificateOrder }>(
    "/certificates",
    { schema: { querystring: { type: "object", required: ["owner"], properties: order } } },
    async (request, reply) => {
      const signer = signers.signer(request.query);
      if (!signer) return reply.code(404).send({ error: "no such owner" });
      const base64 = (der: Uint8Array) => Buffer.from(der).toString("base64");
      const issuer = signers.issuer(request.query);
      return { certificate: base64(signer.certificate.der), chain: [base64(issuer.certificate.der)] };
    },
  );
  app.post<{ Body: CertificateOrder & { content: string; at?: string } }>(
    "/signatures",
    {
      schema: {
        body: {
          type: "object",
          required: ["owner", "content"],
          additionalProperties: false,
          properties: {
            ...order,
            content: { type: "string" },
            at: { type: "string", format: "date-time" },
          },
        },
      },
    },
    async ({ body }, reply) => {
      const at = body.at ? new Date(body.at) : new Date(now());
      const cms = signers.sign(body, Buffer.from(body.content, "base64"), at);
      if (!cms) return reply.code(404).send({ error: "no such owner" });
      return { signature: Buffer.from(cms).toString("base64"), notice: "без юридической силы" };
    },
  );
}

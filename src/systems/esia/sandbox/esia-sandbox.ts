import cookie from "@fastify/cookie";
import formbody from "@fastify/formbody";
import type { FastifyInstance } from "fastify";
import { pemOf } from "../../../sandbox-crypto/pem.ts";
import type { SandboxSystem } from "../../sandbox-system.ts";
import { authorizeDoor, logoutDoor } from "./authorize.ts";
import { ClientRegistry, type EsiaClient } from "./clients.ts";
import { loginPages } from "./login.ts";
import { messagePage } from "./login-page.ts";
import { refusalOf } from "./refusal.ts";
import { restDoors } from "./rest.ts";
import { esiaScenarioPaths, esiaScenarios } from "./scenarios.ts";
import { EsiaState } from "./state.ts";
import { tokenDoor } from "./token-door.ts";
import { type KeptSigners, TokenKeys } from "./token-keys.ts";

/** ESIA lives at the root of its own port: real clients build paths from the host. */
export interface EsiaSandbox extends SandboxSystem {
  /** Says under which address it is reached, without a slash at the end; tokens' issuer and links follow from it. */
  announce(base: string): void;
  /** DER of the certificates that sign tokens: RSA, GOST. Absent before `register`. */
  certificates(): Promise<Uint8Array[]>;
  /** DER of certificates that have run out, whose keys sign in the scenario `expired-certificate`. */
  expiredCertificates(): Promise<Uint8Array[]>;
}

/** ESIA for the given systems: v2/ac, v3/te, sign-in pages, REST and logout (sheet of the protocol, 1.2 to 1.12). */
export function createEsiaSandbox(clients: readonly EsiaClient[], kept?: KeptSigners): EsiaSandbox {
  let esia: EsiaState | undefined;
  let base = "";
  return {
    name: "esia",
    title: "ЕСИА: вход через Госуслуги",
    ownPort: true,
    operations: [
      { name: "GET /aas/oauth2/v2/ac", grade: "A", note: "порядок проверок и окно времени наши" },
      { name: "POST /aas/oauth2/v3/te", grade: "A", note: "срок кода и вид подписи при обновлении — B" },
      { name: "GET /rs/prns, /rs/orgs", grade: "A", note: "отказ по scope и адреса жительства — C" },
      { name: "GET /idp/ext/Logout", grade: "A", note: "регистрация адреса возврата — B" },
      { name: "/login", grade: "C", note: "страницы входа наши; сроки и блокировки по правилам ЕСИА" },
    ],
    scenarios: esiaScenarios,
    scenarioPaths: esiaScenarioPaths,
    wrongSchema: { contentType: "application/json; charset=utf-8", body: '{"unexpected":true}' },
    announce(address) {
      base = address;
      if (esia) esia.base = address;
    },
    certificates: async () => esia?.keys.certificates("esia") ?? [],
    expiredCertificates: async () => esia?.keys.certificates("expired") ?? [],
    async register(app, context) {
      const keys = new TokenKeys(context.clock, kept);
      const state = new EsiaState(new ClientRegistry(clients, context.clock), keys, context);
      state.base = base;
      esia = state;
      await openDoors(app, state);
    },
  };
}

async function openDoors(app: FastifyInstance, state: EsiaState): Promise<void> {
  await app.register(cookie);
  await app.register(formbody);
  app.setErrorHandler((error, _request, reply) => {
    const { message } = refusalOf(error, state.logger);
    return messagePage(reply, 400, { title: "Запрос не понят", text: message });
  });
  authorizeDoor(app, state);
  logoutDoor(app, state);
  loginPages(app, state);
  tokenDoor(app, state);
  await publishCertificates(app, state);
  await app.register(async (child) => restDoors(child, state));
}

/** /public/: each certificate as PEM, and a list of them. */
async function publishCertificates(app: FastifyInstance, { keys }: EsiaState): Promise<void> {
  const [rsa = new Uint8Array(), gost = new Uint8Array()] = keys.certificates("esia");
  const files = { "esia-rsa.crt": rsa, "esia-gost.crt": gost };
  app.get("/public/certificates.json", async () =>
    Object.entries(files).map(([name, der]) => ({ name, pem: pemOf(der, "CERTIFICATE") })),
  );
  for (const [name, der] of Object.entries(files)) {
    app.get(`/public/${name}`, (_request, reply) =>
      reply.type("application/x-pem-file").send(pemOf(der, "CERTIFICATE")),
    );
  }
}

import fastify from "fastify";
import { tellUsage } from "./cpu.ts";

// fastify alone with the same bytes: what the gateway's layers are measured against
const { BODY = "", CONTENT_TYPE = "", PORT } = process.env;
const app = fastify();
app.get("/fhir/:type/:id", async (_request, reply) => reply.header("content-type", CONTENT_TYPE).send(BODY));
await app.listen({ port: Number(PORT), host: "127.0.0.1" });
tellUsage();
process.send?.("ready");

// Floors of the house, lowest first: a file imports only from its own floor or from floors below it.
const floors = {
  core: [],
  telemetry: ["core"],
  crypto: ["core"],
  "sandbox-crypto": [],
  xml: ["core", "crypto"],
  fml: ["core", "crypto", "xml"],
  store: ["core", "crypto"],
  cache: ["core", "telemetry", "crypto", "store"],
  upstream: ["core", "telemetry", "crypto", "xml", "fml", "store", "cache"],
  systems: ["core", "crypto", "sandbox-crypto", "xml", "fml", "store", "cache", "upstream"],
  fhir: ["core", "crypto", "xml", "fml", "store", "cache", "upstream"],
  access: ["core", "crypto", "store", "cache", "fhir"],
  jobs: ["core", "telemetry", "crypto", "xml", "fml", "store", "cache", "upstream", "systems", "fhir", "access"],
  flows: ["core", "crypto", "xml", "fml", "store", "cache", "upstream", "systems", "fhir", "access"],
  plugins: ["core", "telemetry", "crypto", "store", "cache", "fhir", "access", "flows", "jobs"],
  api: ["core", "telemetry", "crypto", "xml", "fml", "store", "cache", "fhir", "access", "flows", "jobs", "plugins", "systems"],
  sandbox: ["core", "sandbox-crypto", "xml", "systems"],
};

const floorRules = Object.entries(floors).map(([floor, below]) => ({
  name: `floor-${floor}`,
  comment: `src/${floor} may import only ${[floor, ...below].join(", ")}: move the shared piece down a floor, or hand it in from app.ts.`,
  severity: "error",
  from: { path: `^src/${floor}/`, pathNot: "/main\\.ts$" },
  to: { path: "^src/", pathNot: `^src/(${[floor, ...below].join("|")})/` },
}));

const sandboxes = "^src/sandbox(-crypto)?/|^src/systems/sandbox|^src/systems/[^/]+/sandbox";

export default {
  forbidden: [
    ...floorRules,
    {
      name: "systems-are-strangers",
      comment: "A system never imports another system: let them meet in src/flows.",
      severity: "error",
      from: { path: "^src/systems/([^/]+)/" },
      to: { path: "^src/systems/[^/]+/", pathNot: "^src/systems/$1/" },
    },
    {
      name: "wire-stays-at-home",
      comment: "Wire types never leave their system's folder: export a FHIR resource from client.ts instead.",
      severity: "error",
      from: { pathNot: "^src/systems/" },
      to: { path: "^src/systems/[^/]+/wire" },
    },
    {
      name: "sandbox-shares-no-client-code",
      comment: "A sandbox that shares code with its client proves nothing: write the server side from the fact sheet.",
      severity: "error",
      from: { path: sandboxes },
      to: { path: "^src/(upstream|cache|store|fml)/|^src/systems/[^/]+/(client|wire)" },
    },
    {
      name: "sandbox-has-its-own-crypto",
      comment:
        "A signature made and checked by one code is right even when that code is wrong: sandboxes sign with libraries and src/sandbox-crypto, never with src/crypto.",
      severity: "error",
      from: { path: sandboxes },
      to: { path: "^src/crypto/" },
    },
    {
      name: "sandbox-crypto-is-for-sandboxes",
      comment: "The sandboxes' signing code must not become the product's: use src/crypto. Files beside app.ts keep the sandbox's keys.",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: sandboxes },
      to: { path: "^src/sandbox-crypto/" },
    },
    {
      name: "fastify-at-the-edge",
      comment: "fastify belongs to doors: api, plugins, app, sandbox, and systems' sandbox and inbound files.",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: "^src/(api|plugins|sandbox)/|^src/(app|main)\\.ts$|^src/systems/(sandbox|inbound)|^src/systems/[^/]+/(sandbox|inbound)|\\.test\\.ts$",
      },
      to: { path: "node_modules/(@fastify/|fastify)" },
    },
    {
      name: "no-circular",
      comment: "A cycle hides which file is the vocabulary: move the shared type to the lower file.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "tests-are-leaves",
      comment: "No product code imports a test.",
      severity: "error",
      from: { pathNot: "\\.test\\.ts$|^test/" },
      to: { path: "\\.test\\.ts$|^test/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(build|dist)/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: [".ts", ".mjs", ".js", ".json"], conditionNames: ["import", "require", "node", "default"] },
  },
};

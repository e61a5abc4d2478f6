import { tellUsage } from "./cpu.ts";

// the product itself, with one ear for the bench
await import("../../src/main.ts");
tellUsage();
process.send?.("ready");

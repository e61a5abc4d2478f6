import { ConfigError } from "./config.ts";

/** Wrong settings end the start with one readable sentence. */
export async function unlessRefused<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return process.exit(78);
  }
}

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const engine = `openssl_conf = main
[main]
engines = engines
[engines]
gost = gost
[gost]
engine_id = gost
default_algorithms = ALL
[req]
distinguished_name = name
[name]
`;

/** OpenSSL with its GOST engine in a folder of its own: nothing of ours signs or checks there. */
export class OpenSsl {
  readonly folder = mkdtempSync(join(tmpdir(), "openssl-"));

  /** `sections` are added to the configuration. Throws with a remedy when the engine is not installed. */
  constructor(sections = "") {
    this.configure(sections);
    try {
      this.run("engine", "gost");
    } catch (cause) {
      const remedy = "run scripts/ensure-servers.sh or: apt-get install -y openssl libengine-gost-openssl";
      throw new Error(
        `OpenSSL's gost engine is missing, so that interoperability can't be proved; ${remedy}`,
        {
          cause,
        },
      );
    }
  }

  configure(sections: string): void {
    writeFileSync(this.path("openssl.cnf"), engine + sections);
  }

  path = (name: string): string => join(this.folder, name);

  /** What a command prints; throws when it fails. */
  run = (...args: string[]): Buffer => {
    const env = { PATH: process.env["PATH"] ?? "", OPENSSL_CONF: this.path("openssl.cnf") };
    return execFileSync("openssl", args, { cwd: this.folder, env, stdio: ["ignore", "pipe", "pipe"] });
  };

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

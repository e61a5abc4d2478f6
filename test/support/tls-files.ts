import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TlsFiles {
  /** PEM files of a self-signed certificate for 127.0.0.1 and of its key */
  certificateFile: string;
  keyFile: string;
}

/** Key pairs that OpenSSL makes, in a folder of their own. */
export class TlsFolder {
  readonly path = mkdtempSync(join(tmpdir(), "tls-"));

  make(name: string): TlsFiles {
    const files = {
      certificateFile: join(this.path, `${name}.crt`),
      keyFile: join(this.path, `${name}.key`),
    };
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
    const out = ["-days", "1", "-keyout", files.keyFile, "-out", files.certificateFile];
    execFileSync("openssl", ["req", "-x509", ...key, ...names, ...out], { stdio: "ignore" });
    return files;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

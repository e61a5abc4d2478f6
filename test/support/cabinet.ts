import { randomUUID } from "node:crypto";
import { Visitor } from "./visitor.ts";

export interface Answer {
  status: number;
  headers: Headers;
  bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for
  body: any;
}

/** The cabinet as a signed-in person's page calls it. */
export class Cabinet {
  readonly visitor = new Visitor();
  readonly url: string;

  /** `url` of the gateway */
  constructor(url: string) {
    this.url = url;
  }

  async send(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const cookies = ["__Host-sid", "__Host-device"].map(
      (name) => `${name}=${this.visitor.cookie(this.url, name)}`,
    );
    const answer = await fetch(`${this.url}/cabinet/v1${path}`, {
      method,
      headers: {
        cookie: cookies.join("; "),
        "user-agent": this.visitor.userAgent,
        origin: this.url,
        "x-requested-with": "fetch",
        ...(method !== "GET" && { "idempotency-key": randomUUID() }),
        ...(body && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const isJson = /json/.test(answer.headers.get("content-type") ?? "");
    return {
      status: answer.status,
      headers: answer.headers,
      bytes,
      body: isJson ? JSON.parse(bytes.toString()) : undefined,
    };
  }

  get = (path: string, headers?: Record<string, string>) => this.send("GET", path, undefined, headers);
  acceptTerms = () => this.send("POST", "/me/terms", { version: "1" });
}

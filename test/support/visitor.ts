interface Stored {
  value: string;
  strict: boolean;
}

export interface Visit {
  status: number;
  url: string;
  headers: Headers;
  text: string;
  setCookies: string[];
}

interface VisitOptions {
  /** the navigation began at another site: Strict cookies stay at home */
  crossSite?: boolean;
  method?: string;
  form?: Record<string, string>;
  /** a call of our own page's script, with its marks */
  json?: object;
  headers?: Record<string, string>;
}

/** A browser without a screen: keeps cookies by host, honours SameSite, follows redirects one by one. */
export class Visitor {
  readonly #jars = new Map<string, Map<string, Stored>>();
  readonly userAgent: string;
  cookiesOff = false;

  constructor(userAgent = "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0") {
    this.userAgent = userAgent;
  }

  /** The value of a cookie that the browser holds for a site. */
  cookie(site: string, name: string): string | undefined {
    return this.#jar(site).get(name)?.value;
  }

  setCookie(site: string, name: string, value: string): void {
    this.#jar(site).set(name, { value, strict: name === "__Host-sid" });
  }

  /** One request, no redirect followed. */
  async visit(url: string, options: VisitOptions = {}): Promise<Visit> {
    const { crossSite = false, form, json, headers } = options;
    const cookies = [...this.#jar(url)]
      .filter(([, { strict }]) => !(strict && crossSite))
      .map(([name, { value }]) => `${name}=${value}`)
      .join("; ");
    const answer = await fetch(url, {
      method: options.method ?? (form ? "POST" : "GET"),
      redirect: "manual",
      headers: {
        accept: "text/html",
        "user-agent": this.userAgent,
        ...(cookies && { cookie: cookies }),
        ...((form || json) && { origin: new URL(url).origin }),
        ...(json && { "content-type": "application/json" }),
        ...headers,
      },
      ...(form && { body: new URLSearchParams(form) }),
      ...(json && { body: JSON.stringify(json) }),
    });
    const setCookies = answer.headers.getSetCookie();
    if (!this.cookiesOff) for (const line of setCookies) this.#keep(url, line);
    return { status: answer.status, url, headers: answer.headers, text: await answer.text(), setCookies };
  }

  /** Follows redirects until an answer that is none; hosts differ, so a chain that left its site is cross-site. */
  async follow(url: string, options: VisitOptions = {}): Promise<Visit> {
    let answer = await this.visit(url, options);
    const home = new URL(url).host;
    let left = options.crossSite ?? false;
    for (let hop = 0; hop < 10 && answer.status >= 300 && answer.status < 400; hop++) {
      const next = new URL(answer.headers.get("location") ?? "", answer.url).href;
      left ||= new URL(next).host !== home;
      answer = await this.visit(next, { crossSite: left });
    }
    return answer;
  }

  #jar(url: string): Map<string, Stored> {
    const host = new URL(url).host;
    let jar = this.#jars.get(host);
    if (!jar) {
      jar = new Map();
      this.#jars.set(host, jar);
    }
    return jar;
  }

  #keep(url: string, line: string): void {
    const [pair = "", ...attributes] = line.split("; ");
    const [name = "", value = ""] = pair.split(/=(.*)/s);
    const gone = attributes.some((text) => /^Max-Age=0$|^Expires=Thu, 01 Jan 1970/i.test(text));
    if (gone) this.#jar(url).delete(name);
    else this.#jar(url).set(name, { value, strict: attributes.includes("SameSite=Strict") });
  }
}

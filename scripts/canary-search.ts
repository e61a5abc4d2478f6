const shortest = 6;
const slots = 1 << 22;
const shownBefore = 40;

interface Pattern {
  bytes: Buffer;
  form: string;
}

export interface Leak {
  place: string;
  /** spelling in which it was found */
  form: string;
  /** offset in bytes */
  at: number;
  /** what stands before it */
  before: string;
}

/** Looks for many secrets in bytes at once, each in every spelling that logs and stores use. */
export class LeakSearch {
  readonly #present = new Uint8Array(slots);
  readonly #patterns = new Map<number, Pattern[]>();

  constructor(secrets: Iterable<string>) {
    for (const secret of secrets) for (const pattern of spellings(secret)) this.#add(pattern);
  }

  /** Every place where a secret begins; none twice. */
  search(place: string, content: Uint8Array): Leak[] {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    const leaks: Leak[] = [];
    for (let at = 0; at + shortest <= bytes.length; at++) {
      const slot = slotOf(bytes, at);
      if (this.#present[slot] === 0) continue;
      const found = this.#patterns.get(slot)?.find(({ bytes: wanted }) => matches(bytes, at, wanted));
      if (found) {
        const before = bytes.toString("utf8", Math.max(0, at - shownBefore), at);
        leaks.push({ place, form: found.form, at, before });
      }
    }
    return leaks;
  }

  #add(pattern: Pattern): void {
    if (pattern.bytes.length < shortest) return;
    const slot = slotOf(pattern.bytes, 0);
    this.#present[slot] = 1;
    const known = this.#patterns.get(slot);
    if (known) known.push(pattern);
    else this.#patterns.set(slot, [pattern]);
  }
}

const matches = (bytes: Buffer, at: number, wanted: Buffer): boolean =>
  bytes.compare(wanted, 0, wanted.length, at, Math.min(at + wanted.length, bytes.length)) === 0;

function slotOf(bytes: Buffer, at: number): number {
  const head = bytes.readUInt32LE(at);
  return (Math.imul(head ^ (bytes.readUInt16LE(at + 4) << 13), 0x9e3779b1) >>> 8) & (slots - 1);
}

function* spellings(secret: string): Iterable<Pattern> {
  for (const text of new Set([secret, secret.toLowerCase(), secret.toUpperCase()])) {
    const bytes = Buffer.from(text);
    yield { form: "plain", bytes };
    yield { form: "utf-16", bytes: Buffer.from(text, "utf16le") };
    yield { form: "hex", bytes: Buffer.from(bytes.toString("hex")) };
    yield { form: "hex", bytes: Buffer.from(bytes.toString("hex").toUpperCase()) };
    const encoded = encodeURIComponent(text);
    yield { form: "url", bytes: Buffer.from(encoded) };
    yield { form: "url", bytes: Buffer.from(encoded.replace(/%../g, (code) => code.toLowerCase())) };
    yield { form: "json", bytes: Buffer.from(text.replace(/[^ -~]/g, escaped)) };
    for (const base64 of base64s(bytes)) yield { form: "base64", bytes: Buffer.from(base64) };
  }
}

const escaped = (letter: string): string => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Inside a longer text a secret begins at one of three places of base64's groups; the edges belong to others. */
function* base64s(bytes: Buffer): Iterable<string> {
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replaceAll("=", "");
    const first = before === 0 ? 0 : before + 1;
    const last = Math.floor(((before + bytes.length) * 8) / 6);
    const inner = text.slice(first, last);
    yield inner;
    yield inner.replaceAll("+", "-").replaceAll("/", "_");
  }
}

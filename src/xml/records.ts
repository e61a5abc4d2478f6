import {
  checkLabel,
  decode,
  detectEncoding,
  normalizeLineEnds,
  readDeclaration,
  type XmlEncoding,
} from "./decode.ts";
import { advance, XmlError, type XmlPosition } from "./error.ts";
import { limitsOf, type XmlLimits } from "./limits.ts";
import type { ReadOptions } from "./read.ts";
import { Scanner, type Sink, type StartTag } from "./scanner.ts";
import { TreeBuilder, type XmlElement } from "./tree.ts";

const PIECE = 64 * 1024;
const HEAD = 1024;

/** A record and the place where its content begins. */
export interface PlacedRecord {
  readonly element: XmlElement;
  readonly at: XmlPosition;
}

/**
 * Reads a byte stream of any length and gives each child of the root that has the local name `record`, the
 * rest is checked and dropped; memory holds one record and a piece of 64 KiB. The limits count per record.
 * Throws XmlError like `readXml`, after the records that were whole before the fault.
 */
export async function* readRecords(
  source: AsyncIterable<Uint8Array>,
  record: string,
  options: ReadOptions = {},
): AsyncGenerator<XmlElement, void, undefined> {
  for await (const { element } of readPlacedRecords(source, record, options)) yield element;
}

/** The records as `readRecords` gives them, each with its place. */
export async function* readPlacedRecords(
  source: AsyncIterable<Uint8Array>,
  record: string,
  options: ReadOptions = {},
): AsyncGenerator<PlacedRecord, void, undefined> {
  const reader = new RecordReader(record, options);
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      yield* reader.take(chunk.subarray(at, at + PIECE), false);
    }
  }
  yield* reader.take(new Uint8Array(0), true);
}

class RecordReader {
  readonly #options: ReadOptions;
  readonly #limits: XmlLimits;
  readonly #sink: RecordSink;
  readonly #scanner: Scanner;
  #encoding: XmlEncoding | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  #text = "";
  // where the text begins, and where what was decoded so far ends
  #origin: XmlPosition = { line: 1, column: 1 };
  #end: XmlPosition = { line: 1, column: 1 };
  #wanted = HEAD;
  #started = false;

  constructor(record: string, options: ReadOptions) {
    this.#options = options;
    this.#limits = limitsOf(options);
    this.#sink = new RecordSink(record, this.#limits, () => this.#scanner.position());
    // the document has no end in sight: the sink counts the elements of a record
    this.#scanner = new Scanner({ ...this.#limits, maxElements: Number.POSITIVE_INFINITY }, this.#sink);
  }

  *take(chunk: Uint8Array, last: boolean): Generator<PlacedRecord, void, undefined> {
    let failure: unknown;
    try {
      this.scan(chunk, last);
    } catch (error) {
      failure = error;
    }
    yield* this.#sink.takeReady();
    if (failure !== undefined) throw failure;
  }

  private scan(chunk: Uint8Array, last: boolean): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (!this.#started && !last && this.#bytes.length < HEAD) return;
    try {
      this.#text += this.decoded(last);
    } catch (error) {
      this.scanText(false);
      throw error;
    }
    if (!last && this.#text.length < this.#wanted) return;
    this.scanText(last);
    if (last) this.#scanner.finish();
    if (this.#text.length > this.#limits.maxBytes) throw overLimit("maxBytes", this.#limits, this.#origin);
  }

  private decoded(last: boolean): string {
    this.#encoding ??= this.#options.encoding ?? detectEncoding(this.#bytes);
    const whole = last ? this.#bytes.length : wholeLength(this.#bytes, this.#encoding);
    const raw = decode(this.#bytes.subarray(0, whole), this.#encoding, this.#end);
    this.#bytes = this.#bytes.slice(whole);
    const marked = !this.#started && this.#text === "" && raw.startsWith("\uFEFF");
    const text = normalizeLineEnds(marked ? raw.slice(1) : raw);
    this.#end = advance(this.#end, text);
    return text;
  }

  private start(): number {
    this.#started = true;
    const { length, label } = readDeclaration(this.#text);
    if (this.#encoding !== undefined && this.#options.encoding === undefined) {
      checkLabel(label, this.#encoding);
    }
    return length;
  }

  private scanText(last: boolean): void {
    const from = this.#started ? 0 : this.start();
    try {
      this.#scanner.scan(this.#text, { from, origin: this.#origin });
    } catch (error) {
      const cut = error instanceof XmlError && error.code === "unexpected-end" && !last;
      if (!cut) throw error;
    }
    this.#origin = this.#scanner.position();
    this.#text = this.#text.slice(this.#scanner.offset);
    // a long token is looked at again only when there is twice as much of it
    this.#wanted = 2 * this.#text.length;
  }
}

// up to the last whole character, less a carriage return: what follows decides about both
function wholeLength(bytes: Uint8Array, encoding: XmlEncoding): number {
  const end = bytes.length - (encoding === "utf-8" ? cutCharacter(bytes) : 0);
  return bytes[end - 1] === 0x0d ? end - 1 : end;
}

/** How many bytes at the end begin a character of UTF-8 that is not whole. */
function cutCharacter(bytes: Uint8Array): number {
  for (let back = 1; back <= 3; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) return back < sequenceLength(byte) ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

function sequenceLength(lead: number): number {
  if (lead >= 0xf0) return 4;
  return lead >= 0xe0 ? 3 : 2;
}

class RecordSink implements Sink {
  readonly #record: string;
  readonly #limits: XmlLimits;
  #depth = 0;
  #elements = 0;
  #length = 0;
  #builder: TreeBuilder | undefined;
  readonly #position: () => XmlPosition;
  #at: XmlPosition = { line: 1, column: 1 };
  #ready: PlacedRecord[] = [];

  constructor(record: string, limits: XmlLimits, position: () => XmlPosition) {
    this.#position = position;
    this.#record = record;
    this.#limits = limits;
  }

  open(tag: StartTag): void {
    if (this.#depth === 1 && tag.name.local === this.#record) {
      this.#builder = new TreeBuilder();
      this.#at = this.#position();
      this.#elements = 0;
      this.#length = 0;
    }
    this.#depth += 1;
    if (this.#builder === undefined) return;
    this.#elements += 1;
    if (this.#elements > this.#limits.maxElements) throw overLimit("maxElements", this.#limits);
    for (const { value } of tag.attrs) this.add(value.length);
    this.add(tag.name.local.length);
    this.#builder.open(tag);
  }

  text(value: string): void {
    this.add(value.length);
    this.#builder?.text(value);
  }

  close(): void {
    this.#depth -= 1;
    this.#builder?.close();
    if (this.#depth !== 1 || this.#builder?.root === undefined) return;
    this.#ready.push({ element: this.#builder.root, at: this.#at });
    this.#builder = undefined;
  }

  takeReady(): PlacedRecord[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  private add(length: number): void {
    if (this.#builder === undefined) return;
    this.#length += length;
    if (this.#length > this.#limits.maxBytes) throw overLimit("maxBytes", this.#limits);
  }
}

function overLimit(name: keyof XmlLimits, limits: XmlLimits, at?: XmlPosition): XmlError {
  return new XmlError("limit-exceeded", `over the limit ${name} = ${limits[name]}`, at);
}

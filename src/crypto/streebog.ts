import { MATRIX_ROWS_HEX, PI_HEX, ROUND_CONSTANTS_HEX } from "./streebog-tables.ts";

const BLOCK = 64;

// a 512-bit vector is 16 words of 32 bits, least significant first
type Vector = Uint32Array;

const { low: TABLE_LOW, high: TABLE_HIGH } = buildTables();
const ROUND_CONSTANTS = ROUND_CONSTANTS_HEX.map((hex) => readVector(Buffer.from(hex, "hex").reverse(), 0));

// tables of S and L joined: entry (k, b) is what byte b at position k of a 64-bit word adds to the product
function buildTables(): { low: Uint32Array; high: Uint32Array } {
  const pi = Buffer.from(PI_HEX, "hex");
  const rows = Buffer.from(MATRIX_ROWS_HEX, "hex");
  const low = new Uint32Array(8 * 256);
  const high = new Uint32Array(8 * 256);
  for (let index = 0; index < low.length; index += 1) {
    const position = index >> 8;
    const substituted = pi.readUInt8(index & 0xff);
    for (let bit = 0; bit < 8; bit += 1) {
      if (((substituted >> bit) & 1) === 0) continue;
      const row = (63 - 8 * position - bit) * 8;
      high[index] = (high[index] ?? 0) ^ rows.readUInt32BE(row);
      low[index] = (low[index] ?? 0) ^ rows.readUInt32BE(row + 4);
    }
  }
  return { low, high };
}

function readVector(bytes: Uint8Array, offset: number): Vector {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, BLOCK);
  const out = new Uint32Array(16);
  for (let i = 0; i < 16; i += 1) out[i] = view.getUint32(i * 4, true);
  return out;
}

// out := L(P(S(x xor y))), RFC 6986 section 7; `mixed` is scratch space
function mixInto(out: Vector, x: Vector, y: Vector, mixed: Vector): void {
  for (let i = 0; i < 16; i += 1) mixed[i] = (x[i] as number) ^ (y[i] as number);
  for (let word = 0; word < 8; word += 1) {
    const half = word >> 2;
    const shift = (word & 3) * 8;
    let low = 0;
    let high = 0;
    for (let k = 0; k < 8; k += 1) {
      const entry = (k << 8) | (((mixed[2 * k + half] as number) >>> shift) & 0xff);
      low ^= TABLE_LOW[entry] as number;
      high ^= TABLE_HIGH[entry] as number;
    }
    out[2 * word] = low;
    out[2 * word + 1] = high;
  }
}

// addition modulo 2^512
function addInto(target: Vector, addend: Vector): void {
  let carry = 0;
  for (let i = 0; i < 16; i += 1) {
    const sum = (target[i] as number) + (addend[i] as number) + carry;
    target[i] = sum >>> 0;
    carry = sum > 0xffffffff ? 1 : 0;
  }
}

function bitCount(bytes: number): Vector {
  const out = new Uint32Array(16);
  out[0] = (bytes * 8) >>> 0;
  return out;
}

const ZERO: Vector = new Uint32Array(16);
const FULL_BLOCK_BITS = bitCount(BLOCK);

/** Incremental GOST R 34.11-2012 (RFC 6986). `digest()` may be called once; bytes come out in the order OpenSSL prints. */
export class Streebog {
  readonly #size: 32 | 64;
  readonly #state: Vector;
  readonly #counter: Vector = new Uint32Array(16);
  readonly #sum: Vector = new Uint32Array(16);
  readonly #key: Vector = new Uint32Array(16);
  readonly #text: Vector = new Uint32Array(16);
  readonly #scratch: Vector = new Uint32Array(16);
  readonly #pending = new Uint8Array(BLOCK);
  #pendingLength = 0;

  constructor(bits: 256 | 512) {
    this.#size = bits === 256 ? 32 : 64;
    this.#state = new Uint32Array(16).fill(bits === 256 ? 0x01010101 : 0);
  }

  update(input: Uint8Array): this {
    let offset = 0;
    if (this.#pendingLength > 0) {
      offset = Math.min(BLOCK - this.#pendingLength, input.length);
      this.#pending.set(input.subarray(0, offset), this.#pendingLength);
      this.#pendingLength += offset;
      if (this.#pendingLength < BLOCK) return this;
      this.#absorb(readVector(this.#pending, 0), FULL_BLOCK_BITS);
      this.#pendingLength = 0;
    }
    for (; offset + BLOCK <= input.length; offset += BLOCK) {
      this.#absorb(readVector(input, offset), FULL_BLOCK_BITS);
    }
    this.#pending.set(input.subarray(offset));
    this.#pendingLength = input.length - offset;
    return this;
  }

  digest(): Uint8Array {
    const last = new Uint8Array(BLOCK);
    last.set(this.#pending.subarray(0, this.#pendingLength));
    last[this.#pendingLength] = 1;
    this.#absorb(readVector(last, 0), bitCount(this.#pendingLength));
    this.#compress(ZERO, this.#counter);
    this.#compress(ZERO, this.#sum);
    const out = new Uint8Array(BLOCK);
    const view = new DataView(out.buffer);
    this.#state.forEach((word, i) => {
      view.setUint32(i * 4, word, true);
    });
    return out.slice(BLOCK - this.#size);
  }

  #absorb(message: Vector, bits: Vector): void {
    this.#compress(this.#counter, message);
    addInto(this.#counter, bits);
    addInto(this.#sum, message);
  }

  // g_N(h, m), RFC 6986 section 8
  #compress(counter: Vector, message: Vector): void {
    const state = this.#state;
    const key = this.#key;
    const text = this.#text;
    mixInto(key, state, counter, this.#scratch);
    text.set(message);
    for (const constant of ROUND_CONSTANTS) {
      mixInto(text, key, text, this.#scratch);
      mixInto(key, key, constant, this.#scratch);
    }
    for (let i = 0; i < 16; i += 1) {
      state[i] = (state[i] as number) ^ (text[i] as number) ^ (key[i] as number) ^ (message[i] as number);
    }
  }
}

/** GOST R 34.11-2012, 256 bits: 32 bytes. */
export function streebog256(input: Uint8Array): Uint8Array {
  return new Streebog(256).update(input).digest();
}

/** GOST R 34.11-2012, 512 bits: 64 bytes. */
export function streebog512(input: Uint8Array): Uint8Array {
  return new Streebog(512).update(input).digest();
}

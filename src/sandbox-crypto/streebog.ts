import { iterationConstants, matrix, pi } from "./streebog-constants.ts";

// 512 bits as 64 bytes, the most significant first, as RFC 6986 writes them
type Vector = Uint8Array;

const blockBytes = 64;
const constants = iterationConstants.map((hex) => Uint8Array.from(Buffer.from(hex, "hex")));
// rows of A as two 32-bit halves
const rows = matrix.map((hex) => ({
  high: Number(`0x${hex.slice(0, 8)}`),
  low: Number(`0x${hex.slice(8)}`),
}));

const xor = (a: Vector, b: Vector): Vector => a.map((byte, i) => byte ^ (b[i] ?? 0));

// S, section 6.2
const substituted = (a: Vector): Vector => a.map((byte) => pi[byte] ?? 0);

// P, section 6.3: the square of 8 by 8 bytes changes its rows for its columns
const transposed = (a: Vector): Vector => a.map((_, i) => a[(i % 8) * 8 + Math.floor(i / 8)] ?? 0);

// L, section 6.4: every eight bytes are a row of bits, multiplied by A over GF(2)
function multiplied(a: Vector): Vector {
  const out = new Uint8Array(blockBytes);
  const view = new DataView(out.buffer);
  for (let word = 0; word < blockBytes; word += 8) {
    let high = 0;
    let low = 0;
    rows.forEach((row, bit) => {
      if ((((a[word + (bit >> 3)] ?? 0) << (bit & 7)) & 0x80) === 0) return;
      high ^= row.high;
      low ^= row.low;
    });
    view.setInt32(word, high);
    view.setInt32(word + 4, low);
  }
  return out;
}

const lps = (a: Vector): Vector => multiplied(transposed(substituted(a)));

// g_N(h, m) = E(LPS(h xor N), m) xor h xor m, section 8
function compressed(n: Vector, h: Vector, m: Vector): Vector {
  let key = lps(xor(h, n));
  let text = m;
  for (const constant of constants) {
    text = lps(xor(key, text));
    key = lps(xor(key, constant));
  }
  return xor(xor(xor(key, text), h), m);
}

const integerOf = (a: Vector): bigint => BigInt(`0x${Buffer.from(a).toString("hex")}`);
const vectorOf = (value: bigint): Vector =>
  Uint8Array.from(Buffer.from(BigInt.asUintN(512, value).toString(16).padStart(128, "0"), "hex"));

/** GOST R 34.11-2012 with 256 bits by section 9 of RFC 6986; bytes in and out in the order of files and of OpenSSL. */
export const streebog256 = (message: Uint8Array): Uint8Array =>
  hash(message, new Uint8Array(blockBytes).fill(1)).slice(0, 32).reverse();

/** The same with 512 bits. */
export const streebog512 = (message: Uint8Array): Uint8Array =>
  hash(message, new Uint8Array(blockBytes)).reverse();

function hash(message: Uint8Array, initial: Vector): Vector {
  const zero = new Uint8Array(blockBytes);
  let h = initial;
  let bits = 0n;
  let sum = 0n;
  const absorb = (m: Vector, size: number) => {
    h = compressed(vectorOf(bits), h, m);
    bits += BigInt(size);
    sum += integerOf(m);
  };
  let from = 0;
  for (; from + blockBytes <= message.length; from += blockBytes) {
    absorb(Uint8Array.from(message.subarray(from, from + blockBytes)).reverse(), 512);
  }
  const rest = message.subarray(from);
  const padded = new Uint8Array(blockBytes);
  padded.set(rest);
  padded[rest.length] = 1;
  absorb(padded.reverse(), rest.length * 8);
  h = compressed(zero, h, vectorOf(bits));
  return compressed(zero, h, vectorOf(sum));
}

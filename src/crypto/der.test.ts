import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  berToDer,
  childrenOf,
  type DerElement,
  readBitString,
  readDer,
  readInteger,
  readOid,
  readText,
  readTime,
} from "./der-read.ts";
import {
  derBitString,
  derContext,
  derElement,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derText,
  derTime,
  TAG,
} from "./der-write.ts";
import { CryptoError } from "./errors.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

const tree: fc.Arbitrary<Uint8Array> = fc.letrec<{ node: Uint8Array; leaf: Uint8Array }>((tie) => ({
  leaf: fc.oneof(
    fc.bigInt().map((value) => derInteger(value)),
    fc.uint8Array({ maxLength: 300 }).map((value) => derOctets(value)),
    fc.string().map((value) => derText(value)),
    fc.constant(derNull()),
  ),
  node: fc.oneof(
    { depthSize: "small" },
    tie("leaf"),
    fc.array(tie("node"), { maxLength: 4 }).map((parts) => derSequence(...parts)),
    fc.array(tie("node"), { maxLength: 4 }).map((parts) => derContext(0, ...parts)),
  ),
})).node;

// every constructed element in the indefinite form
function toIndefinite(element: DerElement): Uint8Array {
  if ((element.tag & 0x20) === 0) return element.bytes;
  return Buffer.concat([
    Uint8Array.of(element.tag, 0x80),
    ...childrenOf(element).map(toIndefinite),
    Uint8Array.of(0, 0),
  ]);
}

describe("DER", () => {
  it("reads back every integer, object identifier, text and second", () => {
    fc.assert(fc.property(fc.bigInt(), (value) => readInteger(readDer(derInteger(value))) === value));
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => readText(readDer(derText(value))) === value),
    );
    fc.assert(
      fc.property(
        fc.uint8Array(),
        (value) => Buffer.compare(readBitString(readDer(derBitString(value))), value) === 0,
      ),
    );
    const arcs = fc.array(fc.nat(2 ** 31 - 1), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.nat(2), fc.nat(39), arcs, (first, second, rest) => {
        const dotted = [first, second, ...rest].join(".");
        return readOid(readDer(derOid(dotted))) === dotted;
      }),
    );
    const seconds = fc.integer({ min: -631152000, max: 253402300799 });
    fc.assert(
      fc.property(seconds, (at) => readTime(readDer(derTime(new Date(at * 1000)))).getTime() === at * 1000),
    );
  });

  it("is stable: what was read as DER is written back byte for byte, also from the indefinite form", () => {
    fc.assert(
      fc.property(tree, (der) => {
        expect(Buffer.from(berToDer(der)).equals(der)).toBe(true);
        expect(Buffer.from(berToDer(toIndefinite(readDer(der)))).equals(der)).toBe(true);
      }),
    );
  });

  it("answers random bytes with an element or a typed error, nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
        for (const read of [() => childrenOf(readDer(input)), () => berToDer(input)]) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(CryptoError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("refuses what DER forbids", () => {
    expect(() => readDer(bytes("3080020101 0000".replace(" ", "")))).toThrow(/indefinite/);
    expect(() => readDer(bytes("04810100"))).toThrow(/minimal/);
    expect(() => readDer(bytes("0482000100"))).toThrow(/minimal/);
    expect(() => readDer(bytes("040200"))).toThrow(/longer/);
    expect(() => readDer(bytes("040100ff"))).toThrow(/follow/);
    expect(() => readDer(bytes("1f8101"))).toThrow(/tag numbers/);
    expect(() => readDer(bytes("0485010000000000"))).toThrow(/length field/);
    expect(() => readDer(bytes("0201"))).toThrow(CryptoError);
    expect(() => readTime(readDer(derText("991332000000Z", TAG.utcTime)))).toThrow(/day/);
    expect(() => readTime(readDer(derText("9901010000Z", TAG.utcTime)))).toThrow(/Z form/);
  });

  it("refuses nesting without end", () => {
    let deep: Uint8Array = derNull();
    for (let i = 0; i < 60; i += 1) deep = derSequence(deep);
    expect(() => berToDer(deep)).toThrow(/deep/);
  });

  it("joins an octet string that came in pieces", () => {
    const pieces = derElement(0x24, derOctets(bytes("0102")), derOctets(bytes("03")));
    expect(berToDer(pieces)).toEqual(Buffer.from("0403010203", "hex"));
  });

  it("orders a SET OF", () => {
    expect(derSet(derInteger(3), derInteger(1), derInteger(2))).toEqual(
      Buffer.from("3109020101020102020103", "hex"),
    );
  });
});

import {
  type WeierstrassOpts,
  type WeierstrassPointCons,
  weierstrass,
} from "@noble/curves/abstract/weierstrass.js";

/** A set of 256 bits that GOST R 34.10-2012 is used with. */
export interface Curve {
  /** all names of the set; the first one is written */
  oids: readonly [string, ...string[]];
  /** order of the base point */
  q: bigint;
  Point: WeierstrassPointCons<bigint>;
}

const cryptoProP = 2n ** 256n - 617n;
const cryptoProBP = 2n ** 255n + 3225n;
const cryptoProCP = 0x9b9f605f5a858107ab1ec85e6b41c8aacf846e86789051d37998f7b9022d759bn;

// RFC 4357 section 11.4: a is p - 3 in all three; RFC 7836 appendix A.2 in its canonical form
export const cryptoProA = curve(["1.2.643.2.2.35.1", "1.2.643.2.2.36.0", "1.2.643.7.1.2.1.1.2"], {
  p: cryptoProP,
  a: cryptoProP - 3n,
  b: 166n,
  n: 0xffffffffffffffffffffffffffffffff6c611070995ad10045841b09b761b893n,
  h: 1n,
  Gx: 1n,
  Gy: 0x8d91e471e0989cda27df505a453f2b7635294f2ddf23e3b122acc99c9e9f1e14n,
});

const curves: readonly Curve[] = [
  cryptoProA,
  curve(["1.2.643.2.2.35.2", "1.2.643.7.1.2.1.1.3"], {
    p: cryptoProBP,
    a: cryptoProBP - 3n,
    b: 0x3e1af419a269a5f866a7d3c25c3df80ae979259373ff2b182f49d4ce7e1bbc8bn,
    n: 0x800000000000000000000000000000015f700cfff1a624e5e497161bcc8a198fn,
    h: 1n,
    Gx: 1n,
    Gy: 0x3fa8124359f96680b83d1c3eb2c070e5c545c9858d03ecfb744bf8d717717efcn,
  }),
  curve(["1.2.643.2.2.35.3", "1.2.643.2.2.36.1", "1.2.643.7.1.2.1.1.4"], {
    p: cryptoProCP,
    a: cryptoProCP - 3n,
    b: 32858n,
    n: 0x9b9f605f5a858107ab1ec85e6b41c8aa582ca3511eddfb74f02f3a6598980bb9n,
    h: 1n,
    Gx: 0n,
    Gy: 0x41ece55743711a8c3cbf3783cd08c0ee4d4dc440d4641a8f366e550dfdb3bb67n,
  }),
  curve(["1.2.643.7.1.2.1.1.1"], {
    p: cryptoProP,
    a: 0xc2173f1513981673af4892c23035a27ce25e2013bf95aa33b22c656f277e7335n,
    b: 0x295f9bae7428ed9ccc20e7c359a9d41a22fccd9108e17bf7ba9337a6f8ae9513n,
    n: 0x400000000000000000000000000000000fd8cddfc87b6635c115af556c360c67n,
    h: 4n,
    Gx: 0x91e38443a5e82c0d880923425712b2bb658b9196932e02c78b2582fe742daa28n,
    Gy: 0x32879423ab1a0375895786c4bb46e9565fde0b5344766740af268adb32322e5cn,
  }),
];

/** The set with this object identifier; throws for one that is not known. */
export function curveOf(oid: string): Curve {
  const known = curves.find(({ oids }) => oids.includes(oid));
  if (!known) throw new Error(`GOST parameter set ${oid} is not known`);
  return known;
}

function curve(oids: Curve["oids"], parameters: WeierstrassOpts<bigint>): Curve {
  return { oids, q: parameters.n, Point: weierstrass(parameters) };
}

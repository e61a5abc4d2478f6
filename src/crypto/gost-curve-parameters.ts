// RFC 4357 section 11.4 and RFC 7836 appendix A; big-endian hex.
export interface GostCurveParameters {
  /** The first object identifier is the one that we write; the others are aliases of the same set. */
  readonly oids: readonly string[];
  readonly p: string;
  readonly a: string;
  readonly b: string;
  /** Order of the base point. */
  readonly n: string;
  /** Cofactor. */
  readonly h: string;
  readonly Gx: string;
  readonly Gy: string;
}

export const GOST_CURVE_PARAMETERS = {
  "CryptoPro-A": {
    oids: ["1.2.643.2.2.35.1", "1.2.643.2.2.36.0", "1.2.643.7.1.2.1.1.2"],
    p: "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd97",
    a: "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd94",
    b: "0xa6",
    n: "0xffffffffffffffffffffffffffffffff6c611070995ad10045841b09b761b893",
    h: "0x1",
    Gx: "0x1",
    Gy: "0x8d91e471e0989cda27df505a453f2b7635294f2ddf23e3b122acc99c9e9f1e14",
  },
  "CryptoPro-B": {
    oids: ["1.2.643.2.2.35.2", "1.2.643.7.1.2.1.1.3"],
    p: "0x8000000000000000000000000000000000000000000000000000000000000c99",
    a: "0x8000000000000000000000000000000000000000000000000000000000000c96",
    b: "0x3e1af419a269a5f866a7d3c25c3df80ae979259373ff2b182f49d4ce7e1bbc8b",
    n: "0x800000000000000000000000000000015f700cfff1a624e5e497161bcc8a198f",
    h: "0x1",
    Gx: "0x1",
    Gy: "0x3fa8124359f96680b83d1c3eb2c070e5c545c9858d03ecfb744bf8d717717efc",
  },
  "CryptoPro-C": {
    oids: ["1.2.643.2.2.35.3", "1.2.643.2.2.36.1", "1.2.643.7.1.2.1.1.4"],
    p: "0x9b9f605f5a858107ab1ec85e6b41c8aacf846e86789051d37998f7b9022d759b",
    a: "0x9b9f605f5a858107ab1ec85e6b41c8aacf846e86789051d37998f7b9022d7598",
    b: "0x805a",
    n: "0x9b9f605f5a858107ab1ec85e6b41c8aa582ca3511eddfb74f02f3a6598980bb9",
    h: "0x1",
    Gx: "0x0",
    Gy: "0x41ece55743711a8c3cbf3783cd08c0ee4d4dc440d4641a8f366e550dfdb3bb67",
  },
  "TC26-256-A": {
    oids: ["1.2.643.7.1.2.1.1.1"],
    p: "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd97",
    a: "0xc2173f1513981673af4892c23035a27ce25e2013bf95aa33b22c656f277e7335",
    b: "0x295f9bae7428ed9ccc20e7c359a9d41a22fccd9108e17bf7ba9337a6f8ae9513",
    n: "0x400000000000000000000000000000000fd8cddfc87b6635c115af556c360c67",
    h: "0x4",
    Gx: "0x91e38443a5e82c0d880923425712b2bb658b9196932e02c78b2582fe742daa28",
    Gy: "0x32879423ab1a0375895786c4bb46e9565fde0b5344766740af268adb32322e5c",
  },
  "TC26-512-A": {
    oids: ["1.2.643.7.1.2.1.2.1"],
    p: "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffdc7",
    a: "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffdc4",
    b: "0xe8c2505dedfc86ddc1bd0b2b6667f1da34b82574761cb0e879bd081cfd0b6265ee3cb090f30d27614cb4574010da90dd862ef9d4ebee4761503190785a71c760",
    n: "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff27e69532f48d89116ff22b8d4e0560609b4b38abfad2b85dcacdb1411f10b275",
    h: "0x1",
    Gx: "0x3",
    Gy: "0x7503cfe87a836ae3a61b8816e25450e6ce5e1c93acf1abc1778064fdcbefa921df1626be4fd036e93d75e6a50e3a41e98028fe5fc235f5b889a589cb5215f2a4",
  },
} as const satisfies Record<string, GostCurveParameters>;

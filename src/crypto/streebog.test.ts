import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Streebog, streebog256, streebog512 } from "./streebog.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("Streebog against RFC 6986, section 10", () => {
  const m1 = Buffer.from("012345678901234567890123456789012345678901234567890123456789012");
  const m2 = Buffer.from(
    "d1e520e2e5f2f0e82c20d1f2f0e8e1eee6e820e2edf3f6e82c20e2e5fef2fa20f120eceef0ff20f1f2f0e5ebe0ece820ede020f5f0e0e1f0fbff20efebfaeafb20c8e3eef0e5e2fb",
    "hex",
  );

  it("gives the digests of example 1", () => {
    expect(hex(streebog256(m1))).toBe("9d151eefd8590b89daa6ba6cb74af9275dd051026bb149a452fd84e5e57b5500");
    expect(hex(streebog512(m1))).toBe(
      "1b54d01a4af5b9d5cc3d86d68d285462b19abc2475222f35c085122be4ba1ffa00ad30f8767b3a82384c6574f024c311e2a481332b08ef7f41797891c1646f48",
    );
  });

  it("gives the digests of example 2", () => {
    expect(hex(streebog256(m2))).toBe("9dd2fe4e90409e5da87f53976d7405b0c0cac628fc669a741d50063c557e8f50");
    expect(hex(streebog512(m2))).toBe(
      "1e88e62226bfca6f9994f1f2d51569e0daf8475a3b0fe61a5300eee46d961376035fe83549ada2b8620fcd7c496ce5b33f0cb9dddc2b6460143b03dabac9fb28",
    );
  });

  it("hashes the empty message", () => {
    expect(hex(streebog256(new Uint8Array()))).toBe(
      "3f539a213e97c802cc229d474c6aa32a825a360b2a933a949fd925208d9ce1bb",
    );
  });

  it("is the same however the message is cut", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.array(fc.nat(150), { maxLength: 6 }),
        (message, cuts) => {
          const hash = new Streebog(512);
          let from = 0;
          for (const length of cuts) {
            hash.update(message.subarray(from, from + length));
            from = Math.min(message.length, from + length);
          }
          expect(hex(hash.update(message.subarray(from)).digest())).toBe(hex(streebog512(message)));
        },
      ),
    );
  });
});

import { expect, it } from "vitest";
import { streebog256, streebog512 } from "./streebog.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
// RFC 6986 prints vectors from the most significant byte
const printed = (bytes: Uint8Array) => hex(Uint8Array.from(bytes).reverse());
const message = (fromRfc: string) => Buffer.from(fromRfc, "hex").reverse();

const m1 = message(
  "3231303938373635343332313039383736353433323130393837363534333231303938373635343332313039383736353433323130393837363534333231" +
    "30",
);
const m2 = message(
  "fbe2e5f0eee3c820fbeafaebef20fffbf0e1e0f0f520e0ed20e8ece0ebe5f0f2f120fff0eeec20f120faf2fee5e2202ce8f6f3ede220e8e6eee1e8f0f2d1" +
    "202ce8f0f2e5e220e5d1",
);

it("gives the values of RFC 6986, section 10.1", () => {
  expect(printed(streebog512(m1))).toBe(
    "486f64c1917879417fef082b3381a4e211c324f074654c38823a7b76f830ad00fa1fbae42b1285c0352f227524bc9ab16254288dd6863dccd5b9f54a1ad0541b",
  );
  expect(printed(streebog256(m1))).toBe("00557be5e584fd52a449b16b0251d05d27f94ab76cbaa6da890b59d8ef1e159d");
});

it("gives the values of RFC 6986, section 10.2, a message of more than one block", () => {
  expect(printed(streebog512(m2))).toBe(
    "28fbc9bada033b1460642bdcddb90c3fb3e56c497ccd0f62b8a2ad4935e85f037613966de4ee00531ae60f3b5a47f8dae06915d5f2f194996fcabf2622e6881e",
  );
  expect(printed(streebog256(m2))).toBe("508f7e553c06501d749a66fc28c6cac0b005746d97537fa85d9e40904efed29d");
});

it("hashes nothing, and whole blocks", () => {
  expect(hex(streebog256(new Uint8Array()))).toBe(
    "3f539a213e97c802cc229d474c6aa32a825a360b2a933a949fd925208d9ce1bb",
  );
  expect(hex(streebog256(new Uint8Array(64)))).toBe(
    "df1fda9ce83191390537358031db2ecaa6aa54cd0eda241dc107105e13636b95",
  );
});

import { checkedTime } from "../../fml/runtime-values.ts";

type Form = (value: unknown) => boolean;

const mostText = 1_048_576;
// R4 datatypes, string: no control characters but tab, line feed and carriage return; nor what XML has no way to write
const foreign = /(?![\t\n\r\u{7f}-\u{9f}])[\p{Cc}\p{Cs}\u{fffe}\u{ffff}]/u;

const text =
  (form: RegExp): Form =>
  (value) =>
    typeof value === "string" && value.length <= mostText && form.test(value) && !foreign.test(value);
const isText = text(/./s);
const isUri = text(/^\S+$/);
const integer =
  (least: number): Form =>
  (value) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= 2_147_483_647;

// R4 datatypes, base64Binary; its own expression takes exponential time
function isBase64(value: unknown): boolean {
  if (typeof value !== "string" || value === "") return false;
  const packed = /\s/.test(value) ? value.replace(/\s+/g, "") : value;
  return packed.length % 4 === 0 && /^[0-9A-Za-z+/]*={0,2}$/.test(packed);
}

const zoned =
  /T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))$/;

function time(type: string): Form {
  return (value) => {
    if (typeof value !== "string") return false;
    if (value.length > 10 && type !== "time" && !zoned.test(value)) return false;
    try {
      // a leap second is a second of R4's instants, of the calendar it is none
      checkedTime(type, value.replace(/:60(?=$|[.Z+-])/, ":59"), refuse);
      return true;
    } catch (error) {
      if (error === notTime) return false;
      throw error;
    }
  };
}

const notTime = new Error("not a time");
const refuse = (): never => {
  throw notTime;
};

const forms: ReadonlyMap<string, Form> = new Map(
  Object.entries({
    boolean: (value: unknown) => typeof value === "boolean",
    integer: integer(-2_147_483_648),
    unsignedInt: integer(0),
    positiveInt: integer(1),
    decimal: (value: unknown) => Number.isFinite(value),
    string: isText,
    markdown: isText,
    xhtml: isText,
    uri: isUri,
    url: isUri,
    canonical: isUri,
    code: text(/^\S+(?:\s\S+)*$/),
    id: text(/^[A-Za-z0-9\-.]{1,64}$/),
    oid: text(/^urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+$/),
    uuid: text(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/),
    base64Binary: isBase64,
    date: time("date"),
    dateTime: time("dateTime"),
    instant: time("instant"),
    time: time("time"),
  }),
);

/** The test of a primitive type's JSON value (R4 datatypes: kind, form, range, calendar); undefined for other types. */
export function primitiveForm(type: string): Form | undefined {
  return forms.get(type);
}

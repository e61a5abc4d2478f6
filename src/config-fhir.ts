import Type from "typebox";
import { Count } from "./config-fields.ts";

/** Settings of the FHIR door. */
export const fhirSettings = {
  FHIR_IF_MATCH: Type.Union([Type.Literal("required"), Type.Literal("optional")], {
    default: "required",
    description: "whether a change of a stored resource must name the version it has seen (`If-Match`)",
  }),
  FHIR_CONDITIONAL_DELETE: Type.Union([Type.Literal("single"), Type.Literal("multiple")], {
    default: "single",
    description: "`multiple`: a conditional delete deletes everything that its criteria find, at most 200",
  }),
  FHIR_BUNDLE_ENTRIES: Count(200, "entries of a batch or transaction", 1),
  FHIR_BODY_BYTES: Count(8_388_608, "bytes of a resource or Bundle that a client may send", 65_536),
  FHIR_ASYNC_REQUESTS: Count(
    20,
    "requests with `Prefer: respond-async` of one client that may wait, run or be kept at a time; 0: all are answered at once",
  ),
  FHIR_ASYNC_RUN_SECONDS: Count(600, "how long such a request may run", 1),
  FHIR_ASYNC_KEPT_SECONDS: Type.Integer({
    default: 3_600,
    minimum: 60,
    maximum: 86_400,
    description: "how long it may wait for its turn, and its answer for being fetched",
  }),
};

import type { Bundle } from "@medplum/fhirtypes";
import { isGatewayError } from "../../core/errors.ts";
import { MappingError } from "../../fml/errors.ts";
import { loadMapping } from "../../fml/loader.ts";
import { XmlError, type XmlPosition } from "../../xml/error.ts";
import { readPlacedRecords } from "../../xml/records.ts";
import { employeeOf, withoutRepeats } from "./answer.ts";
import { medStaffNamespace } from "./wire.ts";

/** What became of one `Employee`, or of the file where it stops being XML (`record` 0). */
export type FileRecord =
  | { readonly record: number; readonly at: XmlPosition; readonly bundle: Bundle }
  | { readonly record: number; readonly at: XmlPosition; readonly code: string; readonly message: string };

/** When the file was made, for what the records themselves do not say. */
export interface FileMoment {
  /** instant, ISO 8601 */
  readonly asOf: string;
  /** its day in Moscow */
  readonly today: string;
}

const map = new URL("../../../mappings/frmr/person/to-fhir.fml", import.meta.url);

/**
 * Converts a MedStaff exchange file of any length, UTF-8 or windows-1251, record by record; memory holds one of
 * them. A record that can't be converted is told with its place and the rest goes on; a file that stops being
 * well-formed ends with the place where it does.
 */
export async function* convertMedStaff(
  source: AsyncIterable<Uint8Array>,
  moment: FileMoment,
): AsyncGenerator<FileRecord, void, undefined> {
  const mapping = await loadMapping(map);
  let record = 0;
  try {
    for await (const { element, at } of readPlacedRecords(source, "Employee")) {
      record += 1;
      yield converted(record, at, () => {
        if (element.ns !== medStaffNamespace) throw new XmlError("unexpected-element", "not of MedStaff");
        return withoutRepeats(mapping.convert({ ...moment, Employee: employeeOf(element) }) as Bundle);
      });
    }
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    const at = { line: error.line ?? 0, column: error.column ?? 0 };
    yield { record: 0, at, code: error.code, message: error.message };
  }
}

function converted(record: number, at: XmlPosition, convert: () => Bundle): FileRecord {
  try {
    return { record, at, bundle: convert() };
  } catch (error) {
    if (isGatewayError(error))
      return { record, at, code: error.code, message: `${error.field}: ${error.message}` };
    if (error instanceof XmlError || error instanceof MappingError)
      return { record, at, code: error.code, message: error.message };
    throw error;
  }
}

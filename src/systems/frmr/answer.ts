import type { Bundle } from "@medplum/fhirtypes";
import Schema from "typebox/schema";
import { GatewayError } from "../../core/errors.ts";
import { toObject } from "../../xml/object.ts";
import { readXml } from "../../xml/read.ts";
import { elementOf, elementsOf, type XmlElement } from "../../xml/tree.ts";
import { Employee, medStaffNamespace, xmlModelOf } from "./wire.ts";

const soapNamespace = "http://schemas.xmlsoap.org/soap/envelope/";
const model = xmlModelOf(Employee);
const shape = Schema.Compile(Employee);

/**
 * The `Employee` records of a SOAP answer as objects for the map. Throws XmlError for what can't be read,
 * GatewayError `upstream-wrong-shape` for what is not MedStaff.
 */
export function employeesOf(answer: string): unknown[] {
  const body = elementOf(readXml(answer), "Body", soapNamespace);
  const response = body && elementsOf(body)[0];
  const array = response && elementOf(response, "ArrayOfEmployee", medStaffNamespace);
  if (!array) throw wrongShape("ArrayOfEmployee");
  return employeesIn(array);
}

/** The records of an `ArrayOfEmployee`, which is also the root of an exchange file; throws as `employeesOf` does. */
export function employeesIn(array: XmlElement): unknown[] {
  return elementsOf(array, "Employee", medStaffNamespace).map(employeeOf);
}

/** One record as an object for the map; throws as `employeesOf` does. */
export function employeeOf(element: XmlElement): unknown {
  const employee = toObject(element, model);
  if (shape.Check(employee)) return employee;
  const [first] = shape.Errors(employee)[1];
  throw wrongShape(`Employee${first?.instancePath ?? ""}`);
}

/** A personal file brings its Organization along, so that one may come twice (bdl-7: fullUrl is unique). */
export function withoutRepeats(bundle: Bundle): Bundle {
  const seen = new Set<string>();
  const entry = bundle.entry?.filter(({ fullUrl }) => !fullUrl || (!seen.has(fullUrl) && seen.add(fullUrl)));
  return { ...bundle, entry };
}

/** Names the place, never the value. */
function wrongShape(field: string): GatewayError {
  return new GatewayError("upstream-wrong-shape", { system: "frmr", field, detail: "not a MedStaff answer" });
}

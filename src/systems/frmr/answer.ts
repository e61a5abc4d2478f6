import type { Bundle } from "@medplum/fhirtypes";
import Schema from "typebox/schema";
import { GatewayError } from "../../core/errors.ts";
import { toObject } from "../../xml/object.ts";
import { readXml } from "../../xml/read.ts";
import { elementOf, elementsOf, textOf, type XmlElement } from "../../xml/tree.ts";
import { Employee, medStaffNamespace, xmlModelOf } from "./wire.ts";

const soapNamespace = "http://schemas.xmlsoap.org/soap/envelope/";
const model = xmlModelOf(Employee);
const shape = Schema.Compile(Employee);

/**
 * The `Employee` records of a SOAP answer as objects for the map. Throws XmlError for what can't be read,
 * GatewayError `upstream-wrong-shape` for what is not MedStaff.
 */
export function employeesOf(answer: string): unknown[] {
  return employeesIn(arrayIn(responseOf(answer)));
}

/**
 * A page of the registry's list: how many records there are in all, and those of the page, not yet read. Throws as
 * `employeesOf` does.
 */
export function employeeListOf(answer: string): { total: number; records: readonly XmlElement[] } {
  const response = responseOf(answer);
  const count = elementOf(response, "TotalCount", medStaffNamespace);
  const text = count ? textOf(count) : "";
  if (!/^\d{1,9}$/.test(text)) throw wrongShape("TotalCount");
  return { total: Number(text), records: elementsOf(arrayIn(response), "Employee", medStaffNamespace) };
}

function responseOf(answer: string): XmlElement {
  const body = elementOf(readXml(answer), "Body", soapNamespace);
  const response = body && elementsOf(body)[0];
  if (!response) throw wrongShape("Body");
  return response;
}

function arrayIn(response: XmlElement): XmlElement {
  const array = elementOf(response, "ArrayOfEmployee", medStaffNamespace);
  if (!array) throw wrongShape("ArrayOfEmployee");
  return array;
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

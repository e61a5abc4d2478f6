import Schema from "typebox/schema";
import { GatewayError } from "../../core/errors.ts";
import { toObject } from "../../xml/object.ts";
import { elementOf, elementsOf, type XmlElement } from "../../xml/tree.ts";
import { Employee, medStaffNamespace, xmlModelOf } from "./wire.ts";

const model = xmlModelOf(Employee);
const shape = Schema.Compile(Employee);

/**
 * The `Employee` records inside an element that holds `ArrayOfEmployee`, as objects for the map.
 * Throws XmlError for elements where they can't stand, GatewayError `upstream-wrong-shape` for a wrong shape.
 */
export function employeesIn(parent: XmlElement): unknown[] {
  const array = elementOf(parent, "ArrayOfEmployee", medStaffNamespace);
  if (!array) throw wrongShape("ArrayOfEmployee");
  return elementsOf(array, "Employee", medStaffNamespace).map((element) => {
    const employee = toObject(element, model);
    const [, errors] = shape.Errors(employee);
    const [first] = errors;
    if (first) throw wrongShape(`Employee${first.instancePath}`);
    return employee;
  });
}

/** Names the place, never the value. */
function wrongShape(field: string): GatewayError {
  return new GatewayError("upstream-wrong-shape", { system: "frmr", field, detail: "not a MedStaff answer" });
}

declare const declared: unique symbol;

/**
 * A label or span name that code declared: a route pattern, an operation's name. The brand keeps a string
 * of a request from compiling as a label.
 */
export type DeclaredLabel = string & { readonly [declared]: true };

const shape = /^[\w./:*{}$@ -]{1,120}$/;
const longNumber = /\d{7}/;
const labels = new Map<string, DeclaredLabel>();
const maxDeclared = 5_000;

/** Declares a name of the route or operation table as a label; a name that could hold a person is `other`. */
export function declareLabel(name: string): DeclaredLabel {
  const known = labels.get(name);
  if (known !== undefined) return known;
  if (labels.size >= maxDeclared || !shape.test(name) || longNumber.test(name)) return otherLabel;
  const label = name as DeclaredLabel;
  labels.set(name, label);
  return label;
}

export const otherLabel = "other" as DeclaredLabel;

export const httpMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"] as const;
export type HttpMethod = (typeof httpMethods)[number];

export const statusLabels = [
  "2xx",
  "3xx",
  "4xx",
  "5xx",
  "401",
  "403",
  "404",
  "409",
  "422",
  "429",
  "503",
  "other",
] as const;
export type StatusLabel = (typeof statusLabels)[number];

const methodSet = new Set<string>(httpMethods);
const statusSet = new Set<string>(statusLabels);

export const methodLabel = (method: string): HttpMethod =>
  methodSet.has(method) ? (method as HttpMethod) : "other";

/** The statuses that operators tell apart, else the class. */
export function statusLabel(status: number): StatusLabel {
  const exact = String(status);
  if (statusSet.has(exact)) return exact as StatusLabel;
  const group = `${Math.floor(status / 100)}xx`;
  return statusSet.has(group) ? (group as StatusLabel) : "other";
}

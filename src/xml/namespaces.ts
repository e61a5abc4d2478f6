export const XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace";
const XMLNS_NAMESPACE = "http://www.w3.org/2000/xmlns/";
export const XSI_NAMESPACE = "http://www.w3.org/2001/XMLSchema-instance";

/** A namespace declaration as written: `["", uri]` for the default namespace. */
export type NamespaceDeclaration = readonly [prefix: string, uri: string];

/** Whether Namespaces in XML 1.0, section 3, lets a prefix (or "" for the default) be bound to the name. */
export function mayDeclare(prefix: string, uri: string): boolean {
  if (prefix === "xmlns" || uri === XMLNS_NAMESPACE) return false;
  if (prefix === "xml" || uri === XML_NAMESPACE) return prefix === "xml" && uri === XML_NAMESPACE;
  return prefix === "" || uri !== "";
}

/** The bindings in force at one point of a document; leaving an element puts back what it hid. */
export class NamespaceScope {
  readonly #bound = new Map<string, string>([["xml", XML_NAMESPACE]]);
  readonly #hidden: { prefix: string; uri: string | undefined }[] = [];
  /** the default namespace, "" when there is none */
  default = "";

  resolve(prefix: string): string | undefined {
    return this.#bound.get(prefix);
  }

  declare(prefix: string, uri: string): void {
    if (prefix === "") {
      this.#hidden.push({ prefix, uri: this.default });
      this.default = uri;
      return;
    }
    this.#hidden.push({ prefix, uri: this.#bound.get(prefix) });
    this.#bound.set(prefix, uri);
  }

  leave(declarations: number): void {
    for (let i = 0; i < declarations; i += 1) {
      const last = this.#hidden.pop();
      if (last === undefined) return;
      if (last.prefix === "") this.default = last.uri ?? "";
      else if (last.uri === undefined) this.#bound.delete(last.prefix);
      else this.#bound.set(last.prefix, last.uri);
    }
  }
}

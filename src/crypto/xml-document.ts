import { createRequire } from "node:module";
import { CryptoError } from "./errors.ts";

// xml-crypto's own node types need the browser's library, which this project leaves out
export interface XmlNode {
  readonly nodeType: number;
}

export interface XmlElement extends XmlNode {
  readonly localName: string;
  readonly namespaceURI: string | null;
  readonly textContent: string | null;
  getElementsByTagNameNS(namespace: string, name: string): ArrayLike<XmlElement>;
}

interface ParsedDocument extends XmlNode {
  readonly documentElement?: XmlElement;
}

// the parser that xml-crypto itself uses; its type file would pull the browser's types into the whole project
const require = createRequire(import.meta.url);
const { DOMParser } = require("@xmldom/xmldom") as {
  DOMParser: new (
    options: object,
  ) => { parseFromString(xml: string, type: string): ParsedDocument | undefined };
};

/** The document of a text; throws `bad-encoding` for what is not well-formed. */
export function parseXml(xml: string): ParsedDocument | undefined {
  const fail = (message: string) => {
    throw new CryptoError("bad-encoding", `the document is not well-formed: ${message.slice(0, 80)}`);
  };
  return new DOMParser({
    errorHandler: { warning: () => {}, error: fail, fatalError: fail },
  }).parseFromString(xml, "text/xml");
}

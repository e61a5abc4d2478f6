export interface XmlLimits {
  /** bytes of the document, or UTF-16 code units when it comes as a string; of a record's names and values in a stream */
  readonly maxBytes: number;
  /** levels of elements, the root is the first */
  readonly maxDepth: number;
  /** attributes and namespace declarations of one element */
  readonly maxAttributes: number;
  /** elements of the document; of one record in a stream */
  readonly maxElements: number;
  /** UTF-16 code units of one run of text, CDATA section, or attribute value */
  readonly maxTextLength: number;
}

const defaultLimits: XmlLimits = {
  maxBytes: 2 * 1024 * 1024,
  maxDepth: 64,
  maxAttributes: 64,
  maxElements: 100_000,
  maxTextLength: 1024 * 1024,
};

/** The given limits, the defaults for the rest: 2 MiB, 64 levels, 64 attributes, 100,000 elements, 1 MiB of text. */
export function limitsOf(given: Partial<XmlLimits>): XmlLimits {
  return {
    maxBytes: given.maxBytes ?? defaultLimits.maxBytes,
    maxDepth: given.maxDepth ?? defaultLimits.maxDepth,
    maxAttributes: given.maxAttributes ?? defaultLimits.maxAttributes,
    maxElements: given.maxElements ?? defaultLimits.maxElements,
    maxTextLength: given.maxTextLength ?? defaultLimits.maxTextLength,
  };
}

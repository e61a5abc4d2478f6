/** The content of an element with child elements, attributes, or both; may refer to itself. */
export interface XmlModel {
  /** child elements by local name, in the order of the schema */
  readonly elements: ReadonlyMap<string, XmlElementModel>;
  /** names of attributes without a namespace, in the order of writing */
  readonly attributes?: readonly string[];
}

export interface XmlElementModel {
  readonly array: boolean;
  /** what the element holds; without it, text only */
  readonly content?: XmlModel;
  /** the namespace of the element; without it, it is not looked at, and a writer takes the parent's */
  readonly ns?: string;
}

/** The property that holds text beside attributes or elements; HL7's logical model of CDA has the same name. */
export const TEXT_PROPERTY = "xmlText";

/** The property that holds the local part of xsi:type. */
export const TYPE_PROPERTY = "xsiType";

type XmlValue = string | XmlObject | readonly (string | XmlObject)[];

/** A plain object without a prototype: no inherited name can be read or polluted. */
export interface XmlObject {
  readonly [property: string]: XmlValue | undefined;
}

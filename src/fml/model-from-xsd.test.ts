import { expect, it } from "vitest";
import { toObject } from "../xml/object.ts";
import { readXml } from "../xml/read.ts";
import { uncovered } from "./coverage.ts";
import { modelFromXsd } from "./model-from-xsd.ts";
import { xmlModelOf } from "./xml-source.ts";

const schema = readXml(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:card">
  <xs:element name="Card" type="CardType"/>
  <xs:complexType name="Base"><xs:sequence><xs:element name="id" type="xs:string"/></xs:sequence></xs:complexType>
  <xs:complexType name="CardType"><xs:complexContent><xs:extension base="Base"><xs:sequence>
    <xs:element name="job" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
      <xs:element name="title" type="xs:string"/>
      <xs:element name="part" type="CardType" minOccurs="0"/>
    </xs:sequence><xs:attribute name="main" use="required"/></xs:complexType></xs:element>
    <xs:choice><xs:element name="a" type="xs:date"/><xs:element name="b" type="xs:date"/></xs:choice>
  </xs:sequence></xs:extension></xs:complexContent></xs:complexType>
</xs:schema>`);
const model = modelFromXsd(schema, "Card", "urn:model");

it("a model has the schema's types, repeats, attributes and order", () => {
  expect(model).toEqual({
    url: "urn:model",
    root: "Card",
    namespace: "urn:card",
    types: {
      Card: {
        id: { type: "string", min: 1 },
        job: { type: "Job", max: "*" },
        a: { type: "string" },
        b: { type: "string" },
      },
      Job: {
        title: { type: "string", min: 1 },
        part: { type: "Card" },
        main: { type: "string", min: 1, attribute: true },
      },
    },
  });
  expect(Object.keys(model.types["Card"]!)).toEqual(["id", "job", "a", "b"]);
});

it("XML becomes the object that the model describes", () => {
  const card = readXml(`<Card xmlns="urn:card"><id>1</id><job main="1"><title>t</title></job></Card>`);
  const object = toObject(card, xmlModelOf(model));
  expect(JSON.parse(JSON.stringify(object))).toEqual({ id: "1", job: [{ main: "1", title: "t" }] });
});

it("elements that a map never touches are named, apart from the listed ones", () => {
  const touched = new Set(["urn:model#Card.id", "urn:model#Card.job", "urn:model#Job.title"]);
  expect(uncovered(model, touched, new Set(["b"]))).toEqual(["job.part", "job.main", "a"]);
});

it("a root that the schema does not have is refused", () => {
  expect(() => modelFromXsd(schema, "Cards", "urn:m")).toThrow(RangeError);
});

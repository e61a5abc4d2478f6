import Type, { type Static, type TSchema } from "typebox";
import { Compile } from "typebox/compile";

const Text = Type.Optional(Type.String());
const Flag = Type.Optional(Type.Boolean());
const Day = Type.Optional(Type.String({ pattern: "^\\d{2}\\.\\d{2}\\.\\d{4}$" }));
const Oid = Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: "^\\d{1,20}$" })]);

const tokenAnswer = Type.Object({
  access_token: Type.String(),
  id_token: Text,
  refresh_token: Text,
  state: Text,
  token_type: Text,
  // a number in captures, a text for one client
  expires_in: Type.Optional(Type.Union([Type.Number(), Type.String()])),
});

const oauthError = Type.Object({ error: Type.String(), error_description: Text });
const restError = Type.Object({ code: Type.String(), message: Text });

const times = { nbf: Type.Number(), iat: Type.Number(), exp: Type.Number() };

const tokenHeader = Type.Object({ typ: Text, sbt: Text, alg: Text });

const accessClaims = Type.Object({
  ...times,
  iss: Type.String(),
  client_id: Type.String(),
  scope: Text,
  // a system's token (client_credentials) has neither
  "urn:esia:sid": Text,
  "urn:esia:sbj_id": Type.Optional(Oid),
});

const idClaims = Type.Object({
  ...times,
  iss: Type.String(),
  aud: Type.Union([Type.String(), Type.Array(Type.String())]),
  sub: Oid,
  amr: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  auth_time: Type.Optional(Type.Number()),
  "urn:esia:sid": Type.String(),
  "urn:esia:sbj": Type.Optional(
    Type.Object({
      "urn:esia:sbj:typ": Text,
      "urn:esia:sbj:is_tru": Flag,
      "urn:esia:sbj:lvl": Text,
    }),
  ),
});

const person = Type.Object({
  firstName: Text,
  lastName: Text,
  middleName: Text,
  birthDate: Day,
  birthPlace: Text,
  gender: Type.Optional(Type.Union([Type.Literal("M"), Type.Literal("F")])),
  trusted: Flag,
  citizenship: Text,
  snils: Type.Optional(Type.String({ pattern: "^\\d{3}-\\d{3}-\\d{3} \\d{2}$" })),
  inn: Text,
  status: Text,
});

const contact = Type.Object({ type: Type.String(), vrfStu: Text, value: Type.String() });

const personDocument = Type.Object({
  type: Type.String(),
  vrfStu: Text,
  series: Text,
  number: Text,
  issueDate: Day,
  issuedBy: Text,
  unitedNumber: Text,
});

const role = Type.Object({
  oid: Oid,
  fullName: Text,
  shortName: Text,
  ogrn: Text,
  chief: Flag,
  active: Flag,
  isLiquidated: Flag,
});

const organization = Type.Object({
  oid: Type.Optional(Oid),
  fullName: Text,
  shortName: Text,
  ogrn: Text,
  inn: Text,
  kpp: Text,
  isLiquidated: Flag,
});

/** What a vendor's gateway says of a person: OpenID Connect claims, ours under the names that the settings give. */
const gatewayClaims = Type.Object({
  sub: Type.String(),
  iat: Type.Number(),
  auth_time: Type.Optional(Type.Number()),
  amr: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  given_name: Text,
  family_name: Text,
  middle_name: Text,
  birthdate: Type.Optional(Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" })),
  gender: Type.Optional(Type.Union([Type.Literal("male"), Type.Literal("female")])),
  email: Text,
  email_verified: Flag,
  phone_number: Text,
  phone_number_verified: Flag,
});

const collectionOf = <T extends TSchema>(element: T) =>
  Type.Object({ elements: Type.Optional(Type.Array(element)) });

export type AccessClaims = Static<typeof accessClaims>;
export type IdClaims = Static<typeof idClaims>;
export type GatewayClaims = Static<typeof gatewayClaims>;
export type EsiaDocument = Static<typeof personDocument>;
export type EsiaRole = Static<typeof role>;

/** A shape that an answer is checked against once. */
export interface Shape<T> {
  Check(value: unknown): value is T;
}

function shapeOf<T extends TSchema>(schema: T): Shape<Static<T>> {
  const compiled = Compile(schema);
  return { Check: (value): value is Static<T> => compiled.Check(value) };
}

export const shapes = {
  tokenAnswer: shapeOf(tokenAnswer),
  oauthError: shapeOf(oauthError),
  restError: shapeOf(restError),
  tokenHeader: shapeOf(tokenHeader),
  accessClaims: shapeOf(accessClaims),
  idClaims: shapeOf(idClaims),
  person: shapeOf(person),
  contacts: shapeOf(collectionOf(contact)),
  documents: shapeOf(collectionOf(personDocument)),
  roles: shapeOf(collectionOf(role)),
  organization: shapeOf(organization),
  gatewayClaims: shapeOf(gatewayClaims),
};

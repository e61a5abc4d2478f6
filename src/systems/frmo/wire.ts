import Type, { type Static } from "typebox";
import { Compile } from "typebox/compile";

const Text = Type.Union([Type.String(), Type.Null()]);
const Whole = Type.Union([Type.Integer(), Type.Null()]);

const unit = Type.Object({
  oid: Type.String(),
  moOid: Type.Optional(Type.String()),
  name: Type.String(),
  departTypeId: Type.Optional(Whole),
  deleteDate: Type.Optional(Text),
});

const licence = Type.Object({
  number: Type.String(),
  activityType: Type.Optional(Text),
  issuer: Type.Optional(Text),
  date: Type.Optional(Text),
  dateTermination: Type.Optional(Text),
  works: Type.Optional(Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() }))),
});

/** What a card must hold to be mapped; columns of dictionary 1461 beside these are let through. */
const card = Type.Object({
  oid: Type.String({ pattern: "^1\\.2\\.643\\.[0-9.]+$" }),
  nameFull: Type.String(),
  nameShort: Type.Optional(Text),
  inn: Type.Optional(Text),
  kpp: Type.Optional(Text),
  ogrn: Type.Optional(Text),
  deleteDate: Type.Optional(Text),
  departs: Type.Optional(Type.Array(unit)),
  licenses: Type.Optional(Type.Array(licence)),
});

export type FrmoCard = Static<typeof card>;

const checkedCard = Compile(card);

export const isFrmoCard = (answer: unknown): answer is FrmoCard => checkedCard.Check(answer);

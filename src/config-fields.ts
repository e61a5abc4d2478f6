import Type from "typebox";

export const Url = (description: string) =>
  Type.Optional(Type.String({ description, pattern: "^https?://" }));
export const Port = (port: number, description: string) =>
  Type.Integer({ default: port, minimum: 0, maximum: 65_535, description });
export const Count = (value: number, description: string, minimum = 0) =>
  Type.Integer({ default: value, minimum, description });

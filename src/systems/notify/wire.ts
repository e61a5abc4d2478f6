import Type from "typebox";
import { Compile } from "typebox/compile";

/** The gateway's answer to one message; a repeated `id` is accepted again and sent once. */
export const acceptance = Compile(
  Type.Object({ status: Type.Union([Type.Literal("accepted"), Type.Literal("duplicate")]) }),
);

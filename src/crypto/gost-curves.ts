import {
  type WeierstrassPoint,
  type WeierstrassPointCons,
  weierstrass,
} from "@noble/curves/abstract/weierstrass.js";
import { CryptoError } from "./errors.ts";
import { GOST_CURVE_PARAMETERS, type GostCurveParameters } from "./gost-curve-parameters.ts";

export type GostCurveName = keyof typeof GOST_CURVE_PARAMETERS;
export type GostPoint = WeierstrassPoint<bigint>;

export interface GostCurve {
  readonly name: string;
  /** What we write into keys; `oids` are all the names of the same set. */
  readonly oid: string;
  readonly oids: readonly string[];
  /** Length of a coordinate and of a half of the signature: 32 or 64. */
  readonly size: 32 | 64;
  /** Order of the base point, q of the standard. */
  readonly order: bigint;
  readonly Point: WeierstrassPointCons<bigint>;
}

/** Builds a curve from its published parameters; a bad parameter set throws inside the curve library. */
export function defineGostCurve(name: string, parameters: GostCurveParameters): GostCurve {
  const order = BigInt(parameters.n);
  const Point = weierstrass({
    p: BigInt(parameters.p),
    n: order,
    h: BigInt(parameters.h),
    a: BigInt(parameters.a),
    b: BigInt(parameters.b),
    Gx: BigInt(parameters.Gx),
    Gy: BigInt(parameters.Gy),
  });
  Point.BASE.precompute(8, true);
  const [oid = ""] = parameters.oids;
  return { name, oid, oids: parameters.oids, size: parameters.p.length > 70 ? 64 : 32, order, Point };
}

const curves = new Map<string, GostCurve>();
for (const [name, parameters] of Object.entries(GOST_CURVE_PARAMETERS)) {
  const curve = defineGostCurve(name, parameters);
  for (const key of [name, ...curve.oids]) curves.set(key, curve);
}

/** The parameter set by its name or by any of its object identifiers; throws `unsupported-algorithm`. */
export function gostCurve(nameOrOid: GostCurveName | (string & {})): GostCurve {
  const curve = curves.get(nameOrOid);
  if (!curve) throw new CryptoError("unsupported-algorithm", `GOST parameter set ${nameOrOid} is not known`);
  return curve;
}

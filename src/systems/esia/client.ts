import { DirectEsia, type DirectOptions } from "./direct.ts";
import { GatewayEsia, type GatewayOptions } from "./gateway.ts";

/** ESIA by its own protocol, GOST-signed; also the way to the sandbox. */
export function createEsia(options: DirectOptions): DirectEsia {
  return new DirectEsia(options);
}

/** ESIA behind a vendor's OpenID Connect gateway. */
export function createEsiaGateway(options: GatewayOptions): GatewayEsia {
  return new GatewayEsia(options);
}

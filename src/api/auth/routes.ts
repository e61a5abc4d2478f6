import type { FastifyInstance } from "fastify";
import { registerAccountPage } from "./account-page.ts";
import { registerCallback } from "./callback.ts";
import type { AuthDoor } from "./door.ts";
import { registerSignInHelp } from "./help-page.ts";
import { registerLogin } from "./login.ts";
import { registerLogout } from "./logout.ts";
import { registerStepUp } from "./step-up.ts";

/** The doors of sign-in through ESIA. */
export function registerSignIn(app: FastifyInstance, door: AuthDoor): void {
  registerLogin(app, door);
  registerCallback(app, door);
  registerLogout(app, door);
  registerStepUp(app, door);
  registerAccountPage(app, door);
  registerSignInHelp(app, door.securityContacts);
}

import type { SignInChoices } from "../../flows/sign-in/choices.ts";
import type { SignIn } from "../../flows/sign-in/sign-in.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import type { SignIns } from "../../store/sign-ins.ts";

/** What the doors of sign-in share. */
export interface AuthDoor {
  signIn: SignIn;
  choices: SignInChoices;
  signIns: SignIns;
  session: SessionDoor;
  logoutUrl: (redirectUrl: string) => Promise<string>;
  publicUrl: string;
  termsVersion: string;
  /** `tel:` and `mailto:` addresses of the security service, as published */
  securityContacts: readonly string[];
  /** a persona may be named: nobody real signs in here */
  sandboxed: boolean;
  rateLimit: { max: number };
}

import { GatewayError } from "../../core/errors.ts";
import type { Keyring } from "../../crypto/keyring.ts";
import type { Place } from "../../store/journal-search.ts";

/** Marks of pages of a person's journal, sealed: where a row stands tells how much others do here. */
export interface AccessesPages {
  /** The mark behind a row; `list` names whose rows they are and of which view. */
  seal(place: Place, list: string): string;
  /** Throws `page-link-rejected` for what was not sealed for this list. */
  open(mark: string, list: string): Place;
}

const domain = "accesses-page";

export function createAccessesPages(keyring: Pick<Keyring, "seal" | "open">): AccessesPages {
  return {
    seal: ({ group, n }, list) =>
      Buffer.from(keyring.seal(domain, Buffer.from(`${group}.${n}`), list)).toString("base64url"),
    open: (mark, list) => {
      try {
        const sealed = Buffer.from(mark, "base64url");
        const [group, n] = Buffer.from(keyring.open(domain, sealed, list))
          .toString()
          .split(".")
          .map(Number);
        return { group: group as number, n: n as number };
      } catch (cause) {
        throw new GatewayError("page-link-rejected", { field: "page", cause });
      }
    },
  };
}

import type { Clock } from "../../core/clock.ts";
import type { Operation, Providers } from "../provider.ts";
import type { Repository } from "../repository.ts";
import type { PageLinks } from "../search/page-link.ts";
import { documentOperation } from "./document.ts";
import { everythingOperation } from "./everything.ts";
import { matchOperation } from "./match.ts";

interface StoredOperationParts {
  repository: Repository;
  /** complete once the repository is open */
  providers: () => Providers;
  pages: PageLinks;
  baseUrl: string;
  clock: Clock;
}

/** Operations of the stored types, by type. */
export const storedOperations = ({
  repository,
  providers,
  pages,
  baseUrl,
  clock,
}: StoredOperationParts): Readonly<Record<string, readonly Operation[]>> => ({
  Patient: [everythingOperation({ repository, pages, baseUrl }), matchOperation(providers)],
  Composition: [documentOperation({ providers, clock })],
});

import type { Clock } from "../../core/clock.ts";
import type { Operation, Providers } from "../provider.ts";
import type { Repository } from "../repository.ts";
import { documentOperation } from "./document.ts";
import { everythingOperation } from "./everything.ts";
import { matchOperation } from "./match.ts";

interface StoredOperationParts {
  repository: Repository;
  /** complete once the repository is open */
  providers: () => Providers;
  baseUrl: string;
  clock: Clock;
}

/** Operations of the stored types, by type. */
export const storedOperations = ({
  repository,
  providers,
  baseUrl,
  clock,
}: StoredOperationParts): Readonly<Record<string, readonly Operation[]>> => ({
  Patient: [everythingOperation(repository, baseUrl), matchOperation(providers)],
  Composition: [documentOperation({ providers, clock })],
});

/** Where one block of an answer came from, how old it is and what failed (architecture.md, Partial answers). */
export interface SourceStatus {
  system: string;
  status: "fresh" | "cached" | "stale" | "unavailable";
  /** clock milliseconds at which the system gave the answer */
  asOf?: number;
  /** seconds after which asking again makes sense */
  retryAfter?: number;
}

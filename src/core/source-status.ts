/** Where one block of an answer came from, how old it is and what failed (architecture.md, Partial answers). */
export interface SourceStatus {
  system: string;
  status: "fresh" | "cached" | "stale" | "unavailable";
  /** clock milliseconds at which the system gave the answer */
  asOf?: number;
  /** our synchronised copy of the system answered; `asOf` is when it was last brought up to date */
  copy?: true;
  /** seconds after which asking again makes sense */
  retryAfter?: number;
}

/** One line of a trace: which rule made a target element from which source element. */
export interface TraceEntry {
  readonly target: string;
  readonly source: string;
  readonly map: string;
  readonly line: number;
  readonly rule: string;
}

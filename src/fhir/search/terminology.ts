/** What the index asks of the code systems, for `:in`, `:above` and `:below`. */
export interface SearchTerminology {
  /** every code of a ValueSet; undefined when it is not known */
  codesOf(valueSetUrl: string): Promise<readonly { system?: string; code: string }[] | undefined>;
  /** the code and those below it; undefined when system or code is not known */
  subtree(system: string, code: string): Promise<readonly string[] | undefined>;
  /** the code and those above it; undefined when system or code is not known */
  ancestors(system: string, code: string): Promise<readonly string[] | undefined>;
}

/** Of a gateway without code systems: knows no ValueSet and no hierarchy. */
export const noTerminology: SearchTerminology = {
  codesOf: async () => undefined,
  subtree: async () => undefined,
  ancestors: async () => undefined,
};

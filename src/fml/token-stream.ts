import { FmlSyntaxError } from "./errors.ts";
import { type Token, type TokenKind, tokenize } from "./lexer.ts";

const maxNesting = 150;

/** Reads tokens one after another for both parsers; every refusal names what was expected and where. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
    this.#end = this.#tokens.at(-1) as Token;
  }

  peek(ahead = 0): Token {
    return this.#tokens[this.#next + ahead] ?? this.#end;
  }

  take(): Token {
    const token = this.peek();
    this.#next += 1;
    return token;
  }

  /** Whether the next token is this keyword or symbol; strings and `delimited` names never are. */
  is(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return (token.kind === "word" || token.kind === "symbol") && token.text === text;
  }

  accept(text: string): Token | undefined {
    return this.is(text) ? this.take() : undefined;
  }

  expect(text: string): Token {
    return this.accept(text) ?? this.fail(`'${text}'`);
  }

  takeKind(...kinds: readonly TokenKind[]): Token {
    return kinds.includes(this.peek().kind) ? this.take() : this.fail(kinds.join(" or "));
  }

  /** One of the given words, as its own literal type. */
  oneOf<const Word extends string>(words: readonly Word[]): Word {
    const found = words.find((word) => this.is(word));
    if (found === undefined) {
      return this.fail(words.join(" | "));
    }
    this.take();
    return found;
  }

  /** Runs a production one level deeper; text nested without end is refused, not a stack overflow. */
  nested<Result>(production: () => Result): Result {
    if (this.#depth >= maxNesting) {
      throw new FmlSyntaxError(`nested deeper than ${maxNesting} levels`, this.peek().position);
    }
    this.#depth += 1;
    const result = production();
    this.#depth -= 1;
    return result;
  }

  fail(expected: string): never {
    const { text, kind, position } = this.peek();
    const found = kind === "end" ? text : JSON.stringify(text.slice(0, 40));
    throw new FmlSyntaxError(`expected ${expected}, found ${found}`, position);
  }
}

/** Bits of `classes`: what a UTF-16 code unit may be without further looks. */
export const NAME_START = 1;
export const NAME = 2;
/** a character of text that needs no attention: not `<`, `&`, `]`, a control or a surrogate */
export const TEXT = 4;
/** a character of an attribute value that needs no attention: not a quote, `<`, `&`, white space but the blank */
export const VALUE = 8;
export const SPACE = 16;

// XML 1.0 production [4] NameStartChar, without the astral range: a pair of surrogates is looked at apart
const nameStart: readonly (readonly [number, number])[] = [
  [0x3a, 0x3a],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
  [0xc0, 0xd6],
  [0xd8, 0xf6],
  [0xf8, 0x2ff],
  [0x370, 0x37d],
  [0x37f, 0x1fff],
  [0x200c, 0x200d],
  [0x2070, 0x218f],
  [0x2c00, 0x2fef],
  [0x3001, 0xd7ff],
  [0xf900, 0xfdcf],
  [0xfdf0, 0xfffd],
];

// production [4a] NameChar: what it adds
const nameOnly: readonly (readonly [number, number])[] = [
  [0x2d, 0x2e],
  [0x30, 0x39],
  [0xb7, 0xb7],
  [0x300, 0x36f],
  [0x203f, 0x2040],
];

function mark(table: Uint8Array, [from, to]: readonly [number, number], bits: number): void {
  for (let unit = from; unit <= to; unit += 1) table[unit] = (table[unit] ?? 0) | bits;
}

function clear(table: Uint8Array, characters: string, bits: number): void {
  for (const character of characters) {
    const unit = character.charCodeAt(0);
    table[unit] = (table[unit] ?? 0) & ~bits;
  }
}

function build(): Uint8Array {
  const table = new Uint8Array(0x10000);
  for (const range of nameStart) mark(table, range, NAME_START | NAME);
  for (const range of nameOnly) mark(table, range, NAME);
  // production [2] Char, without the astral range
  mark(table, [0x20, 0xd7ff], TEXT | VALUE);
  mark(table, [0xe000, 0xfffd], TEXT | VALUE);
  mark(table, [0x9, 0xa], TEXT);
  clear(table, "<&]", TEXT);
  clear(table, "<&\"'", VALUE);
  for (const unit of [0x20, 0x9, 0xa, 0xd]) mark(table, [unit, unit], SPACE);
  return table;
}

export const classes = build();

/** Whether two code units make one astral character (production [2] has them all). */
export function isPair(high: number, low: number): boolean {
  return high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
}

/** Whether two code units make a character of a name: #x10000-#xEFFFF of productions [4] and [4a]. */
export function isNamePair(high: number, low: number): boolean {
  return high <= 0xdb7f && isPair(high, low);
}

/** Whether a code point is production [2] Char. */
export function isXmlCharacter(point: number): boolean {
  if (point < 0x20) return point === 0x9 || point === 0xa || point === 0xd;
  return point <= 0xd7ff || (point >= 0xe000 && point <= 0xfffd) || (point >= 0x10000 && point <= 0x10ffff);
}

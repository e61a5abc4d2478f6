const combining = /(\p{Script=Latin})\p{M}+/gu;

/** Text as searches compare it: without case, with е for ё, Latin letters without accents, single spaces. */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(combining, "$1")
    .normalize("NFC")
    .toLowerCase()
    .replaceAll("ё", "е")
    .replace(/\s+/g, " ")
    .trim();
}

/** The words of a folded text, at spaces and hyphens. */
export const wordsOf = (folded: string): string[] => folded.split(/[\s\-‐-―.,]+/u).filter(Boolean);

/** Longest beginning of a word that is indexed; a longer one is compared as a whole word. */
const longestPrefix = 20;

/** Every beginning of a word under which it may be found, itself included. */
export function prefixesOf(word: string): string[] {
  const letters = [...word];
  const prefixes = letters.slice(0, longestPrefix).map((_, end) => letters.slice(0, end + 1).join(""));
  return letters.length > longestPrefix ? [...prefixes, word] : prefixes;
}

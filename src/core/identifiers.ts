/**
 * Identifiers of persons and organisations: format and check digits.
 * Rules: СНИЛС (постановление Правления ПФР 192п), ИНН (приказ ФНС ЯК-7-6/80), ОГРН (приказ Минфина 165н), ЕНП.
 */

const weightedSum = (digits: string, weights: readonly number[]): number =>
  weights.reduce((sum, weight, index) => sum + weight * Number(digits[index]), 0);

/** СНИЛС as 11 bare digits, or undefined when the text holds anything but digits, spaces and dashes. */
export function snilsDigits(text: string): string | undefined {
  const digits = text.replace(/[\s-]/g, "");
  return /^\d{11}$/.test(digits) ? digits : undefined;
}

/** True for a СНИЛС with right check digits; numbers up to 001-001-998 carry none and pass. */
export function isSnils(text: string): boolean {
  const digits = snilsDigits(text);
  if (!digits) return false;
  if (Number(digits.slice(0, 9)) <= 1_001_998) return true;
  const rest = weightedSum(digits, [9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101;
  return (rest === 100 ? 0 : rest) === Number(digits.slice(9));
}

/** СНИЛС as the ФРМР exchange prints it: NNN-NNN-NNN-NN. */
export function formatSnils(digits: string): string {
  return `${digits.slice(0, 3)}-${digits.slice(3, 6)}-${digits.slice(6, 9)}-${digits.slice(9)}`;
}

/** True for an ИНН of a person (12 digits) or of a legal entity (10 digits) with right check digits. */
export function isInn(text: string): boolean {
  if (/^\d{10}$/.test(text)) return innDigit(text, [2, 4, 10, 3, 5, 9, 4, 6, 8]);
  if (!/^\d{12}$/.test(text)) return false;
  return (
    innDigit(text, [7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) && innDigit(text, [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8])
  );
}

const innDigit = (text: string, weights: readonly number[]): boolean =>
  (weightedSum(text, weights) % 11) % 10 === Number(text[weights.length]);

/** True for an ОГРН (13 digits) or ОГРНИП (15 digits) with a right check digit. */
export function isOgrn(text: string): boolean {
  const modulus = /^\d{13}$/.test(text) ? 11n : /^\d{15}$/.test(text) ? 13n : undefined;
  if (!modulus) return false;
  return (BigInt(text.slice(0, -1)) % modulus) % 10n === BigInt(text.slice(-1));
}

/** True for an ЕНП, the 16-digit number of an OMS policy, with a right Luhn digit. */
export function isEnp(text: string): boolean {
  if (!/^\d{16}$/.test(text)) return false;
  const sum = [...text].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

/** True for a dotted OID (ITU-T X.660): arcs without leading zeros, first arc 0, 1 or 2. */
export function isOid(text: string): boolean {
  return text.length <= 128 && /^[0-2](\.(0|[1-9]\d*))+$/.test(text);
}

/** The first block with this label; throws when the text has none. */
export function derOfPem(text: string, label: string): Uint8Array {
  const block = new RegExp(`-----BEGIN ${label}-----([^-]+)-----END ${label}-----`).exec(text);
  if (!block?.[1]) throw new Error(`no ${label} in the text`);
  return Buffer.from(block[1], "base64");
}

/** A block of 64 columns. */
export function pemOf(der: Uint8Array, label: string): string {
  const base64 = Buffer.from(der).toString("base64");
  return `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
}

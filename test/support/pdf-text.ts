import { inflateSync } from "node:zlib";

/** The text of a PDF written by pdfkit with embedded fonts: glyph numbers read through each font's ToUnicode map. */
export function pdfText(pdf: Uint8Array): string {
  const file = Buffer.from(pdf).toString("latin1");
  const objects = new Map(
    [...file.matchAll(/^(\d+) 0 obj\n([\s\S]*?)\nendobj/gm)].map(([, id = "", body = ""]) => [id, body]),
  );
  const fonts = new Map<string, Map<number, string>>();
  for (const [, name = "", id = ""] of file.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
    const map = /\/ToUnicode (\d+) 0 R/.exec(objects.get(id) ?? "")?.[1];
    if (map) fonts.set(name, glyphsOf(streamOf(objects.get(map) ?? "")));
  }
  return [...objects.values()]
    .map(streamOf)
    .filter((stream) => stream.includes("BT\n"))
    .map((page) => textOf(page, fonts))
    .join("\n");
}

function streamOf(object: string): string {
  const start = object.indexOf("stream\n");
  if (start < 0) return "";
  const bytes = Buffer.from(object.slice(start + 7, object.lastIndexOf("\nendstream")), "latin1");
  try {
    return object.includes("/FlateDecode") ? inflateSync(bytes).toString("latin1") : bytes.toString("latin1");
  } catch {
    return "";
  }
}

function glyphsOf(map: string): Map<number, string> {
  const glyphs = new Map<number, string>();
  for (const [, from = "0", , list = ""] of map.matchAll(/<([0-9a-f]+)> <([0-9a-f]+)> \[([^\]]*)\]/gi))
    [...list.matchAll(/<([0-9a-f]+)>/gi)].forEach(([, hex = ""], index) => {
      const units = (hex.match(/.{4}/g) ?? []).map((unit) => Number.parseInt(unit, 16));
      glyphs.set(Number.parseInt(from, 16) + index, String.fromCharCode(...units));
    });
  return glyphs;
}

function textOf(page: string, fonts: ReadonlyMap<string, Map<number, string>>): string {
  let glyphs: Map<number, string> | undefined;
  let text = "";
  for (const [, font, line] of page.matchAll(/\/(F\d+) [\d.]+ Tf|\[([^\]]*)\] TJ/g)) {
    if (font) glyphs = fonts.get(font);
    if (line === undefined) continue;
    const hex = [...line.matchAll(/<([0-9a-f]*)>/gi)].map((match) => match[1]).join("");
    text += (hex.match(/.{4}/g) ?? [])
      .map((glyph) => glyphs?.get(Number.parseInt(glyph, 16)) ?? "?")
      .join("");
    text += "\n";
  }
  return text;
}

#!/usr/bin/env node
/**
 * Checks an exported journal offline. It imports nothing of the project, so an auditor can read all of it.
 *
 *   node verify-journal-export.mjs FILE [--public-key BASE64] [--head HEADS]
 *
 * --public-key  the journal's Ed25519 key (SPKI, base64) as it was given to you beforehand; without it the
 *               file's own key is used, which proves only that the file agrees with itself
 * --head        heads published earlier and kept elsewhere, one a line: the file must still hold all they cover
 *
 * Exit: 0 whole and unchanged, 1 changed, 2 wrong use.
 */
import { createPublicKey, hash, verify } from "node:crypto";
import { createReadStream, readFileSync, realpathSync } from "node:fs";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const sha256 = (text) => hash("sha256", text, "base64url");

class Broken extends Error {}

/** Lines that end with "\n", valid UTF-8 only: nothing is smoothed over before it is hashed. */
async function* linesOf(bytes) {
  const decoder = new TextDecoderStream("utf-8", { fatal: true, ignoreBOM: true });
  let rest = "";
  for await (const piece of Readable.toWeb(bytes).pipeThrough(decoder)) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop();
    yield* lines;
  }
  if (rest) throw new Broken("the tail was cut: the last line does not end");
}

function parse(text, number) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Broken(`line ${number} is not JSON`);
  }
}

/** Every line has one spelling: no added member, changed order or space passes unseen. */
function demandSpelling(text, value, number) {
  if (JSON.stringify(value) !== text) throw new Broken(`line ${number} was rewritten`);
}

/** Follows the rows: numbers without a gap, groups complete, each group linked to all before it. */
class Chain {
  seq = 0;
  position = 0;
  chain = "";
  withheld = 0;
  #leaves = [];

  constructor(earlier, tenant) {
    this.earlier = new Map(earlier.map((head) => [head.position, head]));
    this.last = earlier.reduce((last, head) => (head.position > last.position ? head : last), { position: 0 });
    this.tenant = tenant;
  }

  add(text, line, number) {
    const { seq, position, n, of, mac, row, leaf } = line;
    demandSpelling(text, { seq, position, n, of, mac, row, leaf }, number);
    if (row ? leaf : mac) throw new Broken(`line ${number} is both shown and withheld`);
    const isFirst = this.#leaves.length === 0;
    if (isFirst) this.position++;
    if (seq !== this.seq + 1 || position !== this.position || n !== this.#leaves.length + 1)
      throw new Broken(`line ${number}: a row was removed, added or reordered`);
    if (!isFirst && of !== this.of) throw new Broken(`line ${number}: the group's size was changed`);
    this.of = of;
    this.seq++;
    this.#leaves.push(row ? this.#shownLeaf(line, number) : this.#withheldLeaf(line, number));
    if (n === of) this.#link(number);
  }

  #shownLeaf({ mac, row }, number) {
    if (this.tenant !== null && row.tenant !== this.tenant)
      throw new Broken(`line ${number}: a row of another tenant`);
    return sha256(mac + JSON.stringify(row));
  }

  #withheldLeaf({ leaf }, number) {
    if (this.tenant === null) throw new Broken(`line ${number}: a row is withheld in a full export`);
    this.withheld++;
    return leaf;
  }

  #link(number) {
    const digest = sha256(this.#leaves.join(""));
    const rowsBefore = this.seq - this.of;
    this.chain = sha256([this.chain, this.position, rowsBefore, this.of, digest].join("."));
    this.#leaves = [];
    const earlier = this.earlier.get(this.position);
    if (earlier && earlier.chain !== this.chain)
      throw new Broken(`up to line ${number} the rows are not those that an earlier head covers`);
  }

  finish(head) {
    const isWhole = this.#leaves.length === 0 && this.position === head.position && this.seq === head.rows;
    if (!isWhole) throw new Broken(`the tail was cut: ${this.seq} rows here, the head covers ${head.rows}`);
    if (this.chain !== head.chain) throw new Broken("the chain does not end in the head: a row was changed");
    if (this.last.position > this.position)
      throw new Broken(`the tail was cut: an earlier head covers ${this.last.rows} rows, this file ${this.seq}`);
  }
}

function checkSignature(head, publicKey, which) {
  const signature = Buffer.from(head.signature, "base64url");
  if (signature.toString("base64url") !== head.signature) throw new Broken(`${which}'s signature was rewritten`);
  const bytes = Buffer.from(
    JSON.stringify(["cabinet-gateway journal head", head.position, head.rows, head.chain, head.at]),
  );
  const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
  if (!verify(null, bytes, key, signature))
    throw new Broken(`${which} is not signed by the key ${fingerprint(publicKey)}`);
}

const fingerprint = (publicKey) => sha256(Buffer.from(publicKey, "base64"));

function readFormat(text) {
  const { format, version, tenant } = parse(text, 1);
  demandSpelling(text, { format, version, tenant }, 1);
  if (format !== "cabinet-gateway-journal" || version !== 1)
    throw new Broken("line 1 does not name a journal export that this script knows");
  return { tenant };
}

function readHead(text, value, number) {
  const { position, rows, chain, at, signature, publicKey } = value;
  demandSpelling(text, { head: { position, rows, chain, at, signature, publicKey } }, number);
  if (Buffer.from(publicKey, "base64").toString("base64") !== publicKey)
    throw new Broken(`line ${number}: the public key was rewritten`);
  return value;
}

async function readExport(bytes, earlier) {
  let number = 0;
  let chain;
  let head;
  for await (const text of linesOf(bytes)) {
    number++;
    if (head) throw new Broken(`line ${number} comes after the head`);
    if (!chain) {
      chain = new Chain(earlier, readFormat(text).tenant);
      continue;
    }
    const line = parse(text, number);
    if (line.head) head = readHead(text, line.head, number);
    else chain.add(text, line, number);
  }
  if (!head) throw new Broken("the tail was cut: the file does not end with a head");
  return { chain, head };
}

/** Reads the byte stream of an export; throws when anything in it is not as it was sealed. */
export async function checkExport(bytes, { publicKey, earlier = [] } = {}) {
  const { chain, head } = await readExport(bytes, earlier);
  if (publicKey && publicKey !== head.publicKey)
    throw new Broken("the head names another key than the given one");
  for (const one of earlier) if (one.position > 0) checkSignature(one, head.publicKey, "an earlier head");
  chain.finish(head);
  if (head.position > 0) checkSignature(head, head.publicKey, "the head");
  return { head, withheld: chain.withheld };
}

/** One head in a file of its own, however it is laid out, or a head a line. */
const headsIn = (text) =>
  text.trimStart().startsWith("{\n")
    ? [JSON.parse(text)]
    : text.split("\n").flatMap((line) => (line.trim() ? [JSON.parse(line)] : []));

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { "public-key": { type: "string" }, head: { type: "string" } },
  });
  if (positionals.length !== 1) {
    console.error("usage: node verify-journal-export.mjs FILE [--public-key BASE64] [--head HEADS]");
    return 2;
  }
  try {
    const earlier = values.head && headsIn(readFileSync(values.head, "utf8"));
    const publicKey = values["public-key"];
    const { head, withheld } = await checkExport(createReadStream(positionals[0]), { publicKey, earlier: earlier || [] });
    const own = publicKey ? "" : " (the file's own key: compare it with the one you were given)";
    const sealedAt = head.position ? new Date(head.at).toISOString() : "never";
    console.log(`ok: ${head.rows} rows, ${withheld} of them withheld, sealed ${sealedAt}`);
    console.log(`key ${fingerprint(head.publicKey)}${own}`);
    return 0;
  } catch (error) {
    console.error(error instanceof Broken ? `broken: ${error.message}` : `broken: ${error}`);
    return 1;
  }
}

// started by whatever name: one that is a link must not pass for a check
if (import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) process.exitCode = await main();

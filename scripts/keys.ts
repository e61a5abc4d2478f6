import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { parseArgs } from "node:util";
import { openCache } from "../src/caches.ts";
import { readConfig } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import { isGatewayError } from "../src/core/errors.ts";
import { silentLogger } from "../src/core/logger.ts";
import type { KeyProvider } from "../src/crypto/envelope.ts";
import { SearchIndex } from "../src/fhir/search/search-index.ts";
import { Shredding } from "../src/flows/shredding.ts";
import { masterKeysOf, openKeyProvider, openKeyring } from "../src/key-encryption.ts";
import { DataKeys, dataKeyCounts } from "../src/store/data-keys.ts";
import { type OpenDatabase, openDatabase } from "../src/store/database.ts";
import { IdentityMap } from "../src/store/identity-map.ts";
import { Journal, type JournalRow } from "../src/store/journal.ts";
import { holdsOf, liftHold, placeHold } from "../src/store/retention-holds.ts";
import { type MasterKeys, rewrapRootKey } from "../src/store/root-key.ts";

const usage = `usage: npm run keys -- status
       npm run keys -- rotate
       npm run keys -- rotate-master
       npm run keys -- holds --tenant OID --subject ID
       npm run keys -- hold --tenant OID --subject ID --until 2051-01-01 --reason TEXT
       npm run keys -- lift --tenant OID --subject ID --reason TEXT
       npm run keys -- shred --tenant OID --subject ID

status  data keys by the key-encryption key that wraps them
rotate  wraps every data key under the current key-encryption key; a running gateway does so within an hour
rotate-master
        wraps the root key under MASTER_KEY; every replica must know it and MASTER_KEY_PREVIOUS before
holds   why a person's data may not be destroyed yet; hold places such a reason, lift takes it away
shred   destroys a person's data key, and with it their data, for good; refused while a hold is in force
Each change is written into the journal. The settings are those of the gateway; an embedded database must not be in
use by a running gateway.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tenant: { type: "string", default: "" },
    subject: { type: "string", default: "" },
    reason: { type: "string", default: "" },
    until: { type: "string", default: "" },
  },
});
const { tenant, subject, reason } = values;
const person = { tenant, subject };

interface Ground {
  db: OpenDatabase["db"];
  keys: KeyProvider;
  masters: MasterKeys;
  dataKeys: DataKeys;
  journal: Journal;
  shredding: Shredding;
}

async function status({ db, keys }: Ground): Promise<number> {
  const { id } = await keys.current();
  console.log(`current key-encryption key: ${id}`);
  for (const { keyId, count } of await dataKeyCounts(db))
    console.log(`${keyId === null ? "shredded" : `under ${keyId}`}: ${count}`);
  return 0;
}

async function rotate({ db, dataKeys, journal }: Ground): Promise<number> {
  await recorded(journal, "rotate data keys");
  const { rewrapped, stuck } = await dataKeys.rewrapAll(db);
  console.log(`${rewrapped} data keys wrapped anew, ${stuck} whose own key is not available`);
  return stuck === 0 ? 0 : 1;
}

async function rotateMaster({ db, masters, journal }: Ground): Promise<number> {
  await recorded(journal, "rotate master key");
  const rewrapped = await rewrapRootKey(db, masters);
  console.log(`the root key ${rewrapped ? "is now" : "was already"} wrapped under MASTER_KEY`);
  return 0;
}

async function holds({ db }: Ground): Promise<number> {
  for (const hold of await holdsOf(db, person, systemClock.now()))
    console.log(`until ${new Date(hold.until).toISOString()}: ${hold.reason}`);
  return 0;
}

async function hold({ db, journal }: Ground): Promise<number> {
  const until = Date.parse(values.until);
  if (Number.isNaN(until) || !reason) return wrongUse();
  await recorded(journal, "place retention hold", person);
  await placeHold(db, person, { reason, until });
  return 0;
}

async function lift({ db, journal }: Ground): Promise<number> {
  await recorded(journal, "lift retention hold", person);
  const lifted = await liftHold(db, person, reason);
  console.log(lifted ? "lifted" : "no such hold");
  return lifted ? 0 : 1;
}

async function shred({ journal, shredding }: Ground): Promise<number> {
  await recorded(journal, "begin shredding", person);
  let outcome: JournalRow["outcome"] = "ok";
  try {
    await shredding.shred(person);
  } catch (error) {
    outcome = isGatewayError(error) ? error.code : "internal";
    throw error;
  } finally {
    await recorded(journal, "shred data key", { ...person, outcome });
  }
  console.log("the data key is destroyed; backups of before still hold it: see docs/security.md");
  return 0;
}

/** Who does it is on record before it is done. */
async function recorded(
  journal: Journal,
  action: string,
  about: Partial<Pick<JournalRow, "tenant" | "subject" | "outcome">> = {},
): Promise<void> {
  await journal.append({
    at: systemClock.now(),
    tenant: "",
    requestId: randomUUID(),
    actorKind: "operator",
    actorId: userInfo().username,
    action,
    ground: "HOPERAT",
    outcome: "ok",
    ...about,
  });
}

function wrongUse(): number {
  console.error(usage);
  return 2;
}

async function run(command: (ground: Ground) => Promise<number>): Promise<number> {
  const config = readConfig();
  const clock = systemClock;
  const { db, pool, close } = await openDatabase({ url: config.DATABASE_URL, dataDir: config.DATA_DIR });
  const keyring = await openKeyring(config, db);
  const keys = await openKeyProvider(config, { keyring, clock });
  const { cache, redis } = await openCache(config, { keyring, clock, log: silentLogger });
  const dataKeys = new DataKeys({ keys, clock });
  const identityMap = new IdentityMap({ db, keyring, clock });
  const journal = new Journal({ pool, keyring });
  const index = new SearchIndex({ keyring, clock, baseUrl: `${config.PUBLIC_URL}/fhir` });
  const shredding = new Shredding({ db, dataKeys, identityMap, index, cache, clock });
  try {
    return await command({ db, keys, masters: masterKeysOf(config), dataKeys, journal, shredding });
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    console.error(`${error.code}: ${error.message}`);
    return 1;
  } finally {
    await journal.close();
    await cache.close();
    redis?.close();
    await close();
  }
}

const ofEveryone: Record<string, (ground: Ground) => Promise<number>> = {
  status,
  rotate,
  "rotate-master": rotateMaster,
};
const ofPerson: Record<string, (ground: Ground) => Promise<number>> = { holds, hold, lift, shred };
const name = positionals.join(" ");
const command = Object.hasOwn(ofEveryone, name)
  ? ofEveryone[name]
  : tenant && subject && Object.hasOwn(ofPerson, name) && ofPerson[name];
process.exitCode = command ? await run(command) : wrongUse();

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import Type from "typebox";
import { Value } from "typebox/value";
import { type Config, ConfigError } from "./config.ts";
import type { Channel } from "./upstream/channel.ts";

const path = Type.Optional(Type.String({ minLength: 1 }));
const channelsSchema = Type.Record(
  Type.String(),
  Type.Object(
    {
      certificateFile: path,
      keyFile: path,
      authoritiesFile: path,
      tokenFile: path,
      minVersion: Type.Optional(Type.Union([Type.Literal("TLSv1.3"), Type.Literal("TLSv1.2")])),
    },
    { additionalProperties: false },
  ),
);

/**
 * Channels of UPSTREAM_CHANNELS_FILE by system. Certificates are read at start, a token at each request, so that
 * whatever renews it needs no restart. Throws ConfigError naming what can't be used.
 */
export function channelsOf({ UPSTREAM_CHANNELS_FILE: file }: Config): ReadonlyMap<string, Channel> {
  if (file === undefined) return new Map();
  try {
    const read: unknown = JSON.parse(readFileSync(file, "utf8"));
    const [wrong] = Value.Errors(channelsSchema, read);
    if (wrong) throw new TypeError(`${wrong.instancePath} ${wrong.message}`);
    const settings = Value.Parse(channelsSchema, read);
    return new Map(Object.entries(settings).map(([system, one]) => [system, channelOf(one)]));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`Settings refused: UPSTREAM_CHANNELS_FILE: ${reason}`, { cause });
  }
}

type ChannelSettings = Type.Static<typeof channelsSchema>[string];

function channelOf({ tokenFile, minVersion, ...files }: ChannelSettings): Channel {
  const textOf = (name: string | undefined) => (name === undefined ? undefined : readFileSync(name, "utf8"));
  const [certificate, key] = [textOf(files.certificateFile), textOf(files.keyFile)];
  if ((certificate === undefined) !== (key === undefined))
    throw new TypeError("certificateFile and keyFile go together");
  createSecureContext({ cert: certificate, key });
  return {
    certificate,
    key,
    authorities: textOf(files.authoritiesFile),
    minVersion,
    token: tokenFile === undefined ? undefined : async () => (await readFile(tokenFile, "utf8")).trim(),
  };
}

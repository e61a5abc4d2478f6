import { WireFailure } from "./wire-failure.ts";

/** Reads a body into memory, giving up as soon as it passes the limit; throws WireFailure "too-large". */
export async function readLimited(response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const announced = Number(response.headers.get("content-length") ?? 0);
  const chunks: Uint8Array[] = [];
  let length = announced;
  if (announced <= maxBytes && response.body) {
    length = 0;
    // leaving the loop early cancels the stream and closes the connection
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      length += chunk.byteLength;
      if (length > maxBytes) break;
      chunks.push(chunk);
    }
  }
  if (length <= maxBytes) return joined(chunks, length);
  await response.body?.cancel().catch(() => {});
  throw new WireFailure("too-large", `an answer over ${maxBytes} bytes`, { status: response.status });
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

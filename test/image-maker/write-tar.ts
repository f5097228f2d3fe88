import { once } from 'node:events'
import { pack, type Pack } from 'tar-stream'

type TarHeader = Parameters<Pack['entry']>[0]

/** Takes the entries of a tar, one at a time. */
export interface TarWriter {
  /** @param content needs `size` in the header when it comes in pieces */
  add(header: TarHeader, content?: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void>
}

/** The tar that `fill` writes, streamed while it does. */
export async function* writeTar(fill: (tar: TarWriter) => Promise<void>): AsyncGenerator<Uint8Array> {
  const tar = pack()
  const add: TarWriter['add'] = (header, content = new Uint8Array()) =>
    content instanceof Uint8Array ? addWhole(tar, header, content) : addStreamed(tar, header, content)
  const filled = fill({ add })
    .then(() => tar.finalize())
    .catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))))
  try {
    yield* tar as AsyncIterable<Uint8Array>
  } finally {
    tar.destroy()
    await filled
  }
}

function addWhole(tar: Pack, header: TarHeader, content: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry(header, content, (error) => (error ? reject(error) : resolve()))
  })
}

async function addStreamed(
  tar: Pack,
  header: TarHeader,
  bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const entry = tar.entry(header, (error) => (error ? reject(error) : resolve()))
  promise.catch(() => undefined) // Awaited below; a failure of the source comes first and is the better word.
  for await (const chunk of bytes) {
    if (!entry.write(chunk)) await Promise.race([once(entry, 'drain'), promise])
  }
  entry.end(undefined)
  return promise
}

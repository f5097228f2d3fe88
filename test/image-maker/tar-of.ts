import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { pack, type Pack } from 'tar-stream'
import type { FlatEntry } from './expand-entries.ts'
import { seededBytes } from './seeded-bytes.ts'

type TarHeader = Parameters<Pack['entry']>[0]

const smallFile = 1024 * 1024

/** The tar of these entries: no owner, no times, nothing of the machine it was made on; streamed. */
export async function* tarOf(entries: readonly FlatEntry[]): AsyncGenerator<Uint8Array> {
  const tar = pack()
  const filled = fill(tar, entries).catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  try {
    yield* tar as AsyncIterable<Uint8Array>
  } finally {
    tar.destroy()
    await filled
  }
}

async function fill(tar: Pack, entries: readonly FlatEntry[]): Promise<void> {
  for (const entry of entries) await add(tar, entry)
  tar.finalize()
}

async function add(tar: Pack, entry: FlatEntry): Promise<void> {
  const header = { name: entry.path, mode: entry.mode, mtime: new Date(0), uid: 0, gid: 0 }
  switch (entry.kind) {
    case 'directory':
      return addWhole(tar, { ...header, name: `${entry.path}/`, type: 'directory' })
    case 'link':
      return addWhole(tar, { ...header, type: 'symlink', linkname: entry.linkTo })
    case 'content':
      return addWhole(tar, header, entry.content)
    case 'random':
      return addStreamed(tar, { ...header, size: entry.random.size }, seededBytes(entry.random))
    case 'file':
      // A small file is read at once, so that one that is being edited gives a tar that is valid all the same.
      if (entry.size <= smallFile) return addWhole(tar, header, await readFile(entry.file))
      return addStreamed(tar, { ...header, size: entry.size }, bytesOf(entry.file))
  }
}

function addWhole(tar: Pack, header: TarHeader, content: Uint8Array = new Uint8Array()): Promise<void> {
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

async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  await using handle = await open(file)
  for (;;) {
    const { bytesRead, buffer } = await handle.read({ buffer: Buffer.allocUnsafe(256 * 1024) })
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

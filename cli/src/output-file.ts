import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'
import { Fault } from '@stowage/mirror/oci/fault'
import type { CommandContext } from './command-context.ts'

/** Where a command writes what it makes: nothing is at the named place before it is whole. */
export interface Output extends AsyncDisposable {
  readonly stream: Writable
  /** Makes what was written durable under its name; to be called when the stream has ended. Disposing without it leaves nothing behind. */
  keep(): Promise<void>
}

/**
 * Opens a file to be written, or standard output for `-`.
 * @throws Fault denied | not-found | invalid, naming the file
 */
export async function openOutput(path: string, { stdout }: Pick<CommandContext, 'stdout'>): Promise<Output> {
  if (path === '-') {
    if (stdout.isTTY)
      throw new Fault('invalid', 'a bundle is not for the eyes: send standard output to a file or a program')
    return { stream: stdout, keep: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  // A file cannot take the place of a directory: that would be found out when all is written.
  if (await isDirectory(path)) throw new Fault('invalid', `${path} is a directory; name the file to be written`)
  const temporary = `${path}.partial`
  const stream = await openStream(temporary, path)
  let kept = false
  return {
    stream,
    async keep() {
      if (!stream.closed) await once(stream, 'close')
      await rename(temporary, path)
      await syncDirectory(dirname(path))
      kept = true
    },
    async [Symbol.asyncDispose]() {
      if (kept) return
      stream.destroy()
      await rm(temporary, { force: true })
    },
  }
}

async function isDirectory(path: string): Promise<boolean> {
  // What cannot be looked at is told by whoever opens it.
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** The stream syncs the file before it closes it. */
async function openStream(temporary: string, path: string): Promise<WriteStream> {
  const stream = createWriteStream(temporary, { flush: true })
  try {
    await once(stream, 'open')
    return stream
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT') throw new Fault('not-found', `${path}: its directory does not exist`, { cause })
    if (code === 'EACCES' || code === 'EROFS')
      throw new Fault('denied', `${path}: no permission to write it`, { cause })
    if (code === 'ENOSPC') throw new Fault('no-space', `${path}: the disk is full`, { cause })
    if (code === 'EISDIR') throw new Fault('invalid', `${path} is a directory`, { cause })
    throw cause
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}

import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import type { OpenFile } from '../files/file-system.ts'
import { createMemoryJournal } from '../testing/memory-journal.ts'
import { createExtentHasher } from './extent-hasher.ts'
import { createPart, type Part, type PartProgress } from './part.ts'

const content = Buffer.from('so many bytes, and more')
const blob = { mediaType: 'a/b', digest: digestOf(content), size: content.length }

interface Bench {
  readonly part: Part
  readonly progress: PartProgress
  readonly written: () => string
  readonly noted: () => number | undefined
  /** Lets the oldest sync end that is under way. */
  readonly endSync: (error?: Error) => Promise<void>
  readonly syncs: () => number
}

/** A part on a disk whose syncs take until they are told to end; each write but the first is late enough for one. */
function bench(): Bench {
  let bytes = Buffer.alloc(0)
  const syncs: PromiseWithResolvers<void>[] = []
  const file = {
    async write(chunk: Uint8Array) {
      bytes = Buffer.concat([bytes, chunk])
    },
    sync() {
      syncs.push(Promise.withResolvers())
      return syncs.at(-1)!.promise
    },
    async [Symbol.asyncDispose]() {},
  } as Partial<OpenFile> as OpenFile
  const journal = createMemoryJournal()
  journal.begin(blob.digest, { boot: 'b', extents: [] })
  const progress: PartProgress = {
    length: 0,
    durableLength: 0,
    uncounted: 0,
    unnoted: [],
    hash: createHash('sha256'),
    extentHasher: createExtentHasher(0, 8),
  }
  let now = 0
  const pace = { syncEveryMs: 2, monotonicNow: () => (now += 1) }
  return {
    part: createPart({ blob, file, progress, journal, close: async () => {}, ...pace }),
    progress,
    written: () => bytes.toString(),
    noted: () => journal.get(blob.digest)?.extents.at(-1)?.end,
    syncs: () => syncs.length,
    async endSync(error) {
      const sync = syncs.shift()
      if (error) sync?.reject(error)
      else sync?.resolve()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

describe('a part', () => {
  it('takes bytes while the disk syncs those before them, and notes only what was synced', async () => {
    const { part, written, noted, progress, endSync, syncs } = bench()
    for (const chunk of ['so ', 'many ', 'bytes', ', and']) await part.write(Buffer.from(chunk))
    expect(written()).toBe('so many bytes, and')
    expect([syncs(), noted()]).toEqual([1, undefined])
    await endSync()
    expect([noted(), progress.durableLength]).toEqual([8, 8])
    await part.write(Buffer.from(' more'))
    await endSync()
    expect(noted()).toBe(content.length)
    expect(await part.isRight()).toBe(true)
  })

  it('says at the next write that the disk failed in the background', async () => {
    const { part, endSync } = bench()
    await part.write(Buffer.from('so '))
    await part.write(Buffer.from('many '))
    await endSync(new Fault('no-space', 'the disk is full'))
    await expect(part.write(Buffer.from('bytes'))).rejects.toThrow('the disk is full')
    await expect(part.isRight()).rejects.toThrow('the disk is full')
    await part[Symbol.asyncDispose]()
  })
})

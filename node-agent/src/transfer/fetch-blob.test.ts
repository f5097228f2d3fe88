import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ContentSource } from '@stowage/mirror/content'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { digestOf } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { createMemoryFileSystem } from '@stowage/mirror/store/crash-model/memory-file-system'
import { createFileSystem } from '../files/create-file-system.ts'
import type { FileSystem } from '../files/file-system.ts'
import { readWholeFile } from '../files/whole-file.ts'
import { createMemoryJournal } from '../testing/memory-journal.ts'
import { createMemorySource, type MemorySource } from '../testing/memory-source.ts'
import { fetchBlob } from './fetch-blob.ts'
import { openPartStore, type PartStore } from './part-store.ts'

const bytes = randomBytes(10_000)
const blob: Descriptor = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length }

let disk: FileSystem
let journal: ReturnType<typeof createMemoryJournal>
let source: MemorySource
beforeEach(() => {
  disk = createFileSystem(createMemoryFileSystem())
  journal = createMemoryJournal()
  source = createMemorySource({ chunkBytes: 700 })
  source.blobs.set(blob.digest, bytes)
})

const openParts = (bootId = 'boot'): Promise<PartStore> =>
  openPartStore({ directory: '/data/parts', files: disk, journal, bootId, extentBytes: 2048, syncEveryMs: 0 })

function fetch(parts: PartStore, signal = new AbortController().signal, what = blob): Promise<void> {
  return fetchBlob(what, { source, repository: 'r', parts, signal, stallMs: 30, onBytes: () => {} })
}
const contentOf = (parts: PartStore): Promise<Buffer | undefined> => readWholeFile(disk, parts.pathOf(blob.digest), 1e6)
const served = (): number => source.served.get(blob.digest) ?? 0

describe('fetching a blob', () => {
  it('ends with the right bytes in the part file', async () => {
    const parts = await openParts()
    await fetch(parts)
    expect(await contentOf(parts)).toEqual(bytes)
    expect(parts.durableBytes(blob.digest)).toBe(bytes.length)
  })

  it('goes on where a cut left it', async () => {
    const parts = await openParts()
    source.weather.set(blob.digest, [{ at: 5000, what: 'cut' }])
    await expect(fetch(parts)).rejects.toMatchObject({ code: 'unavailable' })
    expect(parts.durableBytes(blob.digest)).toBe(4900)
    await fetch(parts)
    expect(await contentOf(parts)).toEqual(bytes)
    expect(served()).toBe(bytes.length)
  })

  it('asks for no more than is granted, and goes on after a cut in the middle of that', async () => {
    const parts = await openParts()
    const asked: unknown[] = []
    const watched: ContentSource = {
      ...source,
      blob(repository, what, { signal, ...range } = {}) {
        asked.push(range)
        return source.blob(repository, what, { signal, ...range })
      },
    }
    const throttle = { grant: async () => 4000, passed: () => expect.fail('all of it was granted') }
    source.weather.set(blob.digest, [
      { at: 9999, what: 'silence' },
      { at: 5600, what: 'cut' },
    ])
    const options = { source: watched, repository: 'r', parts, stallMs: 30, onBytes: () => {}, throttle }
    await expect(fetchBlob(blob, { ...options, signal: new AbortController().signal })).rejects.toThrow('cut')
    await fetchBlob(blob, { ...options, signal: new AbortController().signal })
    expect(await contentOf(parts)).toEqual(bytes)
    expect(asked).toEqual([
      { offset: 0, length: 4000 },
      { offset: 4000, length: 4000 },
      { offset: 5400, length: 4000 },
      { offset: 9400 },
    ])
    expect(served()).toBe(bytes.length)
  })

  it('waits after each piece where a limit comes while all of it is on its way', async () => {
    const parts = await openParts()
    const passed: number[] = []
    const throttle = {
      grant: async () => Infinity,
      passed: async (_: unknown, count: number) => void passed.push(count),
    }
    const { signal } = new AbortController()
    await fetchBlob(blob, { source, repository: 'r', parts, stallMs: 30, onBytes: () => {}, throttle, signal })
    expect(passed).toEqual(Array.from({ length: 14 }, () => 700))
  })

  it('does not wait for ever for a silent link', async () => {
    const parts = await openParts()
    source.weather.set(blob.digest, [{ at: 5000, what: 'silence' }])
    await expect(fetch(parts)).rejects.toThrow('no byte came for 0.03 s')
    await fetch(parts)
    expect(served()).toBe(bytes.length)
  })

  it('drops what came wrong and fetches it anew', async () => {
    const parts = await openParts()
    source.weather.set(blob.digest, [{ at: 5000, what: 'corruption' }])
    await expect(fetch(parts)).rejects.toMatchObject({ code: 'corrupt' })
    expect(parts.durableBytes(blob.digest)).toBe(0)
    await fetch(parts)
    expect(await contentOf(parts)).toEqual(bytes)
  })

  it('refuses more bytes than the blob has', async () => {
    const parts = await openParts()
    const shorter = { ...blob, size: 2000 }
    await expect(fetch(parts, undefined, shorter)).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('takes a connection that ends early for a cut', async () => {
    const parts = await openParts()
    source.blobs.set(blob.digest, bytes.subarray(0, 3000))
    await expect(fetch(parts)).rejects.toThrow('the connection ended after 3000 of 10000 bytes')
    source.blobs.set(blob.digest, bytes)
    await fetch(parts)
  })

  it('stops with the reason of its signal and keeps what came', async () => {
    const parts = await openParts()
    const controller = new AbortController()
    source.onChunk = () => {
      if (served() > 4000) controller.abort(new Error('not wanted any more'))
    }
    await expect(fetch(parts, controller.signal)).rejects.toThrow('not wanted any more')
    expect(parts.durableBytes(blob.digest)).toBe(served())
  })

  it('fetches an empty blob without asking for it', async () => {
    const parts = await openParts()
    await fetch(parts, undefined, { ...blob, digest: digestOf(''), size: 0 })
  })

  it('goes on after a restart of the process, without a byte twice, and counts what came', async () => {
    source.weather.set(blob.digest, [{ at: 5000, what: 'cut' }])
    await expect(fetch(await openParts())).rejects.toThrow(Fault)
    const parts = await openParts()
    expect(parts.durableBytes(blob.digest)).toBe(4900)
    await fetch(parts)
    expect(served()).toBe(bytes.length)
    expect(journal.bytesReceived).toBe(bytes.length)
  })

  it('finds what the disk has damaged and fetches only from there on', async () => {
    source.weather.set(blob.digest, [{ at: 9000, what: 'cut' }])
    await expect(fetch(await openParts())).rejects.toThrow(Fault)
    await damage(5000)
    const parts = await openParts()
    await fetch(parts)
    expect(await contentOf(parts)).toEqual(bytes)
    expect(served()).toBe(8400 + bytes.length - 4096)
  })

  it('believes nothing behind the last extent after another boot', async () => {
    source.weather.set(blob.digest, [{ at: 5000, what: 'cut' }])
    await expect(fetch(await openParts())).rejects.toThrow(Fault)
    {
      await using file = await disk.openForWriting(`/data/parts/sha256-${blob.digest.slice(7)}`)
      await file.write(new Uint8Array(3000), 4900)
    }
    const parts = await openParts('another boot')
    await fetch(parts)
    expect(await contentOf(parts)).toEqual(bytes)
    expect(served()).toBe(bytes.length)
  })

  it('does not believe a file that no journal speaks of', async () => {
    await disk.makeDirectory('/data/parts')
    {
      await using file = await disk.openForWriting(`/data/parts/sha256-${blob.digest.slice(7)}`)
      await file.write(new Uint8Array(3000), 0)
    }
    const parts = await openParts()
    await fetch(parts)
    expect(await contentOf(parts)).toEqual(bytes)
  })

  it('keeps what came when the disk is full', async () => {
    const parts = await openParts()
    source.onChunk = () => {
      if (served() > 4000) throw new Fault('no-space', 'no space left')
    }
    await expect(fetch(parts)).rejects.toMatchObject({ code: 'no-space' })
    expect(parts.durableBytes(blob.digest)).toBe(4200)
  })
})

describe('part files', () => {
  it('go when nobody wants them, with files that nobody knows', async () => {
    const parts = await openParts()
    await fetch(parts)
    {
      await using stray = await disk.openForWriting('/data/parts/stray')
      await stray.write(bytes, 0)
    }
    await parts.retain(new Set([blob.digest]))
    expect(await disk.list('/data/parts')).toHaveLength(1)
    await parts.retain(new Set())
    expect(await disk.list('/data/parts')).toEqual([])
    expect(journal.digests()).toEqual([])
    expect(parts.durableBytes(blob.digest)).toBe(0)
  })

  it('stay while they are open', async () => {
    const parts = await openParts()
    await using _part = await parts.open(blob)
    await parts.retain(new Set())
    expect(await disk.list('/data/parts')).toHaveLength(1)
  })
})

async function damage(position: number): Promise<void> {
  await using file = await disk.openForWriting(`/data/parts/sha256-${blob.digest.slice(7)}`)
  await file.write(Uint8Array.of((bytes[position] ?? 0) ^ 0xff), position)
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '@stowage/mirror/oci/fault'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openCentreStore, untilReachable, type StoreFlags } from './centre-store.ts'

const context = { env: {}, version: '0', signal: new AbortController().signal }
const log = pino({ level: 'silent' })
const mirror = new URL('http://127.0.0.1:1')
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-centre-'))
  await writeFile(join(directory, 'token'), 'a-token-that-is-long-enough')
})
afterEach(() => rm(directory, { recursive: true }))

describe('the store of a centre', () => {
  it.each<[StoreFlags, string]>([
    [{}, 'give --data DIRECTORY, or --mirror URL'],
    [{ mirror }, '--mirror needs --mirror-token-file'],
    [{ data: 'x', mirrorTokenFile: 'x' }, '--mirror-token-file goes with --mirror URL'],
    [{ mirror, mirrorTokenFile: '/nowhere' }, '--mirror-token-file /nowhere: there is no such file'],
  ])('is not opened with %o', async (flags, words) => {
    await expect(openCentreStore(context, flags, log)).rejects.toThrow(words)
  })

  it('is one and the same behind a fence, where it lies in a directory', async () => {
    await using store = await openCentreStore(context, { data: join(directory, 'data') }, log)
    expect(store.fenced(() => undefined).objects).toBe(store.objects)
    expect(store.isRemote).toBe(false)
    const again = openCentreStore(context, { data: join(directory, 'data') }, log)
    await expect(again).rejects.toMatchObject({ code: 'conflict' })
  })

  it('is opened without asking a mirror, which may be away', async () => {
    await using store = await openCentreStore(context, { mirror, mirrorTokenFile: join(directory, 'token') }, log)
    expect(store.isRemote).toBe(true)
    await expect(store.objects.head('a')).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('waiting for a store', () => {
  it('ends when it can be read, or with the signal, or with what is no weather', async () => {
    const signal = new AbortController().signal
    await untilReachable(createMemoryStore(), { log, signal })
    const failing = (error: Error) => ({
      list: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }),
    })
    const away = failing(new Fault('unavailable', 'away'))
    await untilReachable(away, { log, signal: AbortSignal.timeout(20) })
    await expect(untilReachable(failing(new Error('a bug')), { log, signal })).rejects.toThrow('a bug')
  })
})

import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Repository } from '../content-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { deedsOf } from './garbage-model-deeds.ts'
import { killingOver } from './garbage-model-kills.ts'
import { runModel, type ModelOptions } from './garbage-model.ts'

const count = 1000
/** Another one each time; it is in the name of the test. */
const seed = Date.now() % 2 ** 31

/** Longer than anything that a collection waits for. */
const days = 3 * 86_400_000

const run = (ownSeed: number, length: number, sabotage: Partial<ModelOptions> = {}) =>
  runModel({ deeds: deedsOf(ownSeed, length), seed: ownSeed, clients: 4, ...sabotage })

describe('garbage collection by two replicas, without a pause', () => {
  it(`loses nothing and leaves nothing of ${count} random deeds (seed ${seed})`, { timeout: 600_000 }, async () => {
    const { violations, ...tally } = await run(seed, count)
    expect(violations).toEqual([])
    expect(tally.linksDeleted).toBeGreaterThan(0)
    expect(tally.blobsDeleted).toBeGreaterThan(0)
  })

  it.each<[string, Partial<ModelOptions>]>([
    ['whose clocks are days apart', { aheadBy: [-days, days] }],
    ['that are killed over what they delete, of which some comes late', { sabotage: killingOver(seed) }],
    ['of both kinds', { aheadBy: [days, -days], sabotage: killingOver(seed) }],
  ])(`loses nothing and leaves nothing with replicas %s (seed ${seed})`, { timeout: 600_000 }, async (_, options) => {
    const { violations, ...tally } = await run(seed, count, options)
    expect(violations).toEqual([])
    expect(tally.linksDeleted).toBeGreaterThan(0)
    expect(tally.blobsDeleted).toBeGreaterThan(0)
  })

  it.each<[string, Partial<ModelOptions>]>([
    [
      'whatever version of a link there is',
      { sabotage: (objects) => ({ ...objects, delete: (key) => objects.delete(key) }) },
    ],
    [
      'bytes of which somebody took the mark away',
      { sabotage: (objects) => ({ ...objects, putIfMatch: (...put) => putWhateverIsThere(objects, ...put) }) },
    ],
    [
      'what clients were told to be there',
      { sabotageClients: (repository) => ({ ...repository, ...blindlyIn(repository) }) },
    ],
  ])('is found out if it deletes %s', { timeout: 600_000 }, async (_, sabotage) => {
    for (let turn = 0; turn < 100; turn++) {
      const { violations } = await run(seed + turn, 1000, sabotage)
      if (violations.length > 0) return
    }
    throw new Error('nothing was lost in 100 runs')
  })
})

async function putWhateverIsThere(objects: ObjectStore, key: string, etag: string, bytes: Uint8Array) {
  if (!key.startsWith('condemned/')) return await objects.putIfMatch(key, etag, bytes)
  const there = await objects.head(key)
  return there ? await objects.putIfMatch(key, there.etag, bytes) : await objects.putIfAbsent(key, bytes)
}

/** Answers without a word to collections, to clients that take their time. */
function blindlyIn(repository: Repository): Pick<Repository, 'hasBlob' | 'vouchFor'> {
  return {
    async hasBlob({ digest }) {
      const isThere = (await repository.openBlob(digest)) !== undefined
      for (let turn = 0; turn < 50; turn++) await nextTurn()
      return isThere
    },
    vouchFor: (digest) => repository.stat(digest),
  }
}

import { Fault } from '@stowage/mirror/oci/fault'
import type { Collection } from '@stowage/mirror/store/gc/collect-garbage'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { collectNowAndThen } from './collect-now-and-then.ts'

const nothing: Collection = {
  repositories: 0,
  links: { found: 1, condemned: 1, pardoned: 0, deleted: 0, untagged: 0, waiting: 0 },
  blobs: { blobs: 0, condemned: 0, deleted: 0, bytesDeleted: 0, bytesCondemned: 0 },
  leftAlone: [{ repository: 'app', reason: 'a tag cannot be read' }],
}

/** Runs it until `outcomes` are used up; returns what was logged. */
async function run(everyMs: number, outcomes: (() => Promise<Collection>)[]): Promise<string> {
  const stop = new AbortController()
  let text = ''
  const log = pino({}, { write: (line: string) => void (text += line) })
  const collect = (): Promise<Collection> => {
    const outcome = outcomes.shift()!
    if (outcomes.length === 0) stop.abort()
    return outcome()
  }
  await collectNowAndThen({ collect }, { everyMs, log, signal: stop.signal, random: () => 0 })
  return text
}

describe('collectNowAndThen', () => {
  it('goes on after a collection that failed, and says what was left alone', async () => {
    const failed = (): Promise<Collection> => Promise.reject(new Fault('unavailable', 'the disk is away'))
    const said = await run(1, [failed, async () => nothing])
    expect(said).toMatch(/the disk is away.*garbage not collected/)
    expect(said).toMatch(/garbage collected/)
    expect(said).toMatch(/a tag cannot be read/)
  })

  it('does not hide a bug', async () => {
    await expect(run(1, [() => Promise.reject(new TypeError('oops')), async () => nothing])).rejects.toThrow('oops')
  })

  it('never begins if it is off', async () => {
    expect(await run(0, [])).toBe('')
  })
})

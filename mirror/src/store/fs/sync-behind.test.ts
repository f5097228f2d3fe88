import { describe, expect, it } from 'vitest'
import { createSyncBehind } from './sync-behind.ts'

/** A file whose syncs end when they are told to. */
function gatedFile() {
  const waiting: PromiseWithResolvers<void>[] = []
  const sync = (): Promise<void> => {
    const gate = Promise.withResolvers<void>()
    waiting.push(gate)
    return gate.promise
  }
  return { file: { sync }, waiting }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('syncing behind writes', () => {
  it('begins when enough was written, with one at a time, and nobody waits for it but the end', async () => {
    const { file, waiting } = gatedFile()
    const behind = createSyncBehind(file, 10)
    await behind.wrote(9)
    expect(waiting).toHaveLength(0)
    await behind.wrote(1)
    await behind.wrote(20)
    expect(waiting).toHaveLength(1)
    waiting[0]?.resolve()
    await turn()
    await behind.wrote(1)
    expect(waiting).toHaveLength(2)
    const finished = behind.finish()
    await turn()
    expect(waiting).toHaveLength(2)
    waiting[1]?.resolve()
    await turn()
    expect(waiting).toHaveLength(3)
    waiting[2]?.resolve()
    await finished
  })

  it.each(['wrote', 'finish'] as const)('tells of a failure where it is asked next (%s)', async (verb) => {
    const { file, waiting } = gatedFile()
    const behind = createSyncBehind(file, 10)
    await behind.wrote(10)
    waiting[0]?.reject(new Error('the disk fails'))
    await turn()
    await expect(verb === 'wrote' ? behind.wrote(10) : behind.finish()).rejects.toThrow('the disk fails')
  })

  it('is waited for before the file is closed', async () => {
    const { file, waiting } = gatedFile()
    const behind = createSyncBehind(file, 10)
    await behind.wrote(10)
    let isOver = false
    const disposed = behind[Symbol.asyncDispose]().then(() => (isOver = true))
    await turn()
    expect(isOver).toBe(false)
    waiting[0]?.reject(new Error('the disk fails'))
    await disposed
  })
})

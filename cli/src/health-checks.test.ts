import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Check } from '@stowage/mirror/server/health-routes'
import { Fault } from '@stowage/mirror/oci/fault'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { describe, expect, it } from 'vitest'
import { centreChecks, storeCheck } from './health-checks.ts'
import type { WorkingCentre } from './open-centre.ts'

const minute = 60_000
const reasonOf = async ({ look }: Check): Promise<string | undefined> => look()

describe('a store', () => {
  it('is looked at where it lies', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stowage-health-'))
    const check = storeCheck({ directory, objects: createMemoryStore() })
    await writeFile(join(directory, 'oci-layout'), '{}')
    expect(await reasonOf(check)).toBeUndefined()
    await rm(directory, { recursive: true })
    await expect(reasonOf(check)).rejects.toThrow('ENOENT')
  })

  it('in another process is asked', async () => {
    const objects = createMemoryStore()
    const check = storeCheck({ directory: undefined, objects })
    expect(await reasonOf(check)).toBeUndefined()
    objects.head = () => Promise.reject(new Fault('unavailable', 'the mirror is away'))
    await expect(reasonOf(check)).rejects.toThrow('the mirror is away')
  })
})

describe('a centre', () => {
  const store = { directory: undefined, objects: createMemoryStore() }
  const of = (centre: Partial<WorkingCentre> | undefined): Record<string, Check> => {
    const whole = centre && { samples: () => [], stepMs: () => 0, isInformed: () => true, ...centre }
    const { live, ready } = centreChecks(() => whole, store)
    return Object.fromEntries([...live, ...ready].map((check) => [check.name, check]))
  }

  it.each<[string, Partial<WorkingCentre> | undefined, 'reconcile' | 'wishes', RegExp | undefined]>([
    ['at rest is well', {}, 'reconcile', undefined],
    ['that works for minutes is well', { stepMs: () => 9 * minute }, 'reconcile', undefined],
    ['that works without end is not', { stepMs: () => 10 * minute }, 'reconcile', /under way for 600 s/],
    ['that stands by is well', undefined, 'reconcile', undefined],
    ['that knows what to tell nodes may be asked', {}, 'wishes', undefined],
    ['that has nothing to tell may not', { isInformed: () => false }, 'wishes', /not been read yet/],
    ['that stands by may be asked', undefined, 'wishes', undefined],
  ])('%s', async (_, centre, name, reason) => {
    const said = await reasonOf(of(centre)[name]!)
    if (reason) expect(said).toMatch(reason)
    else expect(said).toBeUndefined()
  })
})

import { expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { createPulledImages, pulledRoots } from './pulled-images.ts'

const hour = 3600_000
const [one, two, three] = [digestOf('one'), digestOf('two'), digestOf('three')]
const repository = 'hub.example/team/app'

function openPulled() {
  const objects = createMemoryStore()
  let writes = 0
  const counted: ObjectStore = {
    ...objects,
    putIfAbsent: (...put) => (writes++, objects.putIfAbsent(...put)),
    putIfMatch: (...put) => (writes++, objects.putIfMatch(...put)),
  }
  const clock = { at: 1_000_000 }
  const open = () => createPulledImages(counted, { now: () => clock.at })
  return { open, clock, writes: () => writes }
}
const known = async (pulled: ReturnType<typeof createPulledImages>) => await Array.fromAsync(pulled.all())

it('writes down at most once an hour that a manifest was asked for, all of a repository at once', async () => {
  const { open, clock, writes } = openPulled()
  const pulled = open()
  for (let minute = 0; minute < 119; minute++) {
    for (const digest of [one, two, three]) pulled.used(repository, digest)
    await pulled.flush()
    clock.at += 60_000
  }
  expect(writes()).toBe(2)
  const again = open()
  again.used(repository, one)
  await again.flush()
  expect(writes()).toBe(2)
})

it('knows more than what is written down, and in another process that', async () => {
  const { open, clock } = openPulled()
  const pulled = open()
  pulled.used(repository, one)
  await pulled.flush()
  clock.at += hour / 2
  pulled.used(repository, one)
  pulled.used(repository, two)
  const uses = async (of: typeof pulled) => (await known(of)).flatMap(({ manifests }) => [...manifests])
  expect(await uses(pulled)).toEqual([
    [one, { usedAt: 1_000_000 + hour / 2 }],
    [two, { usedAt: 1_000_000 + hour / 2 }],
  ])
  expect(await uses(open())).toEqual([[one, { usedAt: 1_000_000 }]])
  expect([pulled.usedAt(repository, two), open().usedAt(repository, two)]).toEqual([clock.at, undefined])
})

it('tells since when a manifest is not what its tag means, until it is again', async () => {
  const { open, clock } = openPulled()
  const pulled = open()
  await pulled.tagMoves(repository, { tag: 'v1', digest: one, before: undefined })
  clock.at += 5
  await pulled.tagMoves(repository, { tag: 'v1', digest: two, before: one })
  const [moved] = await known(open())
  expect([...moved!.tags]).toEqual(['v1'])
  expect([...moved!.manifests]).toEqual([
    [one, { usedAt: 1_000_000, isTagged: true, supersededAt: 1_000_005 }],
    [two, { usedAt: 1_000_005, isTagged: true }],
  ])
  pulled.used(repository, one)
  expect((await known(pulled))[0]?.manifests.get(one)).toEqual({
    usedAt: 1_000_005,
    isTagged: true,
    supersededAt: 1_000_005,
  })
  clock.at += 5
  await pulled.tagMoves(repository, { tag: 'v1', digest: one, before: two })
  expect((await known(open()))[0]?.manifests.get(one)).toEqual({ usedAt: 1_000_010, isTagged: true })
})

it.each([
  ['by the same process', false],
  ['by another one', true],
])('takes uses by a clock that was set back for older than all others, in their order, seen %s', async (_, isOther) => {
  const { open, clock } = openPulled()
  const before = clock.at
  const pulled = open()
  clock.at += 1000 * hour
  await pulled.tagMoves(repository, { tag: 'v1', digest: three, before: undefined })
  clock.at += 2 * hour
  await pulled.tagMoves(repository, { tag: 'v1', digest: two, before: three })
  clock.at += 2 * hour
  pulled.used(repository, one)
  await pulled.flush()
  clock.at = before
  const later = isOther ? open() : pulled
  const uses = async () => (await known(later))[0]!.manifests
  const seen = [...(await uses())].toSorted(([, a], [, b]) => a.usedAt - b.usedAt)
  expect(seen.map(([digest]) => digest)).toEqual([three, two, one])
  for (const [, { usedAt, supersededAt }] of seen) expect([usedAt < hour, supersededAt]).toEqual([true, undefined])
  later.used(repository, three)
  expect([(await uses()).get(three)?.usedAt, later.usedAt(repository, three)]).toEqual([before, before])
})

it('believes a clock that was set back by less than uses are coarse', async () => {
  const { open, clock } = openPulled()
  await open().tagMoves(repository, { tag: 'v1', digest: one, before: undefined })
  clock.at -= hour / 4
  expect((await known(open()))[0]?.manifests.get(one)?.usedAt).toBe(clock.at + hour / 4)
})

it('keeps what was asked for by digest from a collection of garbage, until it is forgotten', async () => {
  const { open } = openPulled()
  const pulled = open()
  await pulled.tagMoves(repository, { tag: 'v1', digest: one, before: undefined })
  pulled.used(repository, two)
  pulled.used('hub.example/other', three)
  expect(await Array.fromAsync(pulledRoots(pulled))).toEqual([
    { repository, digest: two },
    { repository: 'hub.example/other', digest: three },
  ])
  await pulled.forget(repository, { tags: new Set(['v1']), manifests: [one, two] })
  await pulled.forget('hub.example/other', { tags: new Set(), manifests: [three] })
  await pulled.flush()
  expect(await known(pulled)).toEqual([])
  expect(await known(open())).toEqual([])
})

it('takes uses of parts for uses of their image', async () => {
  const { open, clock } = openPulled()
  const pulled = open()
  await pulled.tagMoves(repository, { tag: 'v1', digest: one, before: undefined })
  clock.at += 2 * hour
  pulled.used(repository, two)
  await pulled.flush()
  const usedAt = clock.at
  clock.at += 1
  pulled.used(repository, three)
  await pulled.absorb(repository, { root: one, usedAt, parts: [two, three] })
  await pulled.flush()
  const [left] = await known(open())
  expect([...left!.manifests].map(([digest, use]) => [digest, use.usedAt])).toEqual([
    [one, usedAt],
    [three, usedAt + 1],
  ])
})

it('leaves a tag to who pushed it', async () => {
  const { open } = openPulled()
  const pulled = open()
  await pulled.tagMoves(repository, { tag: 'v1', digest: one, before: undefined })
  await pulled.disown(repository, 'v1')
  await pulled.disown('mine', 'v1')
  expect((await known(open())).map(({ tags }) => [...tags])).toEqual([[]])
})

it('takes names of repositories of any length', async () => {
  const { open } = openPulled()
  const long = Array.from({ length: 120 }, () => 'a').join('/')
  await open().tagMoves(long, { tag: 'v1', digest: one, before: undefined })
  expect((await known(open()))[0]?.repository).toBe(long)
})

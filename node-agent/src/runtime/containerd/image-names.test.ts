import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf, type Digest } from '@stowage/mirror/oci/digest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { digestNameOf, isCompanion, isIdName, orphansOf, recordsToGo, type KnownNames } from './image-names.ts'
import type { ImageRecord } from './image-records.ts'
import { markLabel, type Labels, type Mark } from './labels.ts'

const [v1, v2] = [digestOf('v1'), digestOf('v2')]
const id = digestOf('configuration of v1')

function record(name: string, digest: Digest = v1): ImageRecord {
  return { name, target: { mediaType: mediaTypes.manifest, digest, size: 1 }, labels: {} }
}

function marks(mark: Mark, ...names: readonly string[]): Labels {
  return Object.fromEntries(names.map((name) => [markLabel(mark, name), name]))
}

describe('the name by digest', () => {
  it.each([
    ['docker.io/library/app:v1', `docker.io/library/app@${v1}`],
    ['r.example:5000/app:v1', `r.example:5000/app@${v1}`],
    ['r.example:5000/app', `r.example:5000/app@${v1}`],
    [`r.example/app:v1@${v1}`, `r.example/app@${v1}`],
    [`r.example/app@${v2}`, `r.example/app@${v1}`],
  ])('of %s is %s', (name, expected) => {
    expect(digestNameOf(name, v1)).toBe(expected)
  })

  it('is none for what is one', () => {
    expect(digestNameOf(`r.example/app@${v1}`, v1)).toBeUndefined()
  })
})

it.each([
  [id, true],
  ['sha256/app:v1', false],
  [`r.example/app@${v1}`, false],
])('takes %s for a name by ID: %s', (name, expected) => {
  expect(isIdName(name)).toBe(expected)
})

it('counts no name among those that only came with another, which a set names too', () => {
  const name = `r.example/app@${v1}`
  expect(isCompanion(name, marks('companion', name))).toBe(true)
  expect(isCompanion(name, { ...marks('companion', name), ...marks('name', name) })).toBe(false)
  expect(isCompanion(name, {})).toBe(false)
})

const [tag, otherTag, elsewhere] = ['r.example/app:v1', 'r.example/app:latest', 'r.example/elsewhere/app:v1']
const byDigest = `r.example/app@${v1}`
const ours = { ...marks('name', tag), ...marks('companion', byDigest) }

describe('with a name', () => {
  it.each<[string, string[], Labels, string[]]>([
    ['its name by digest and by ID, where we made that', [tag, byDigest, id], ours, [tag, byDigest, id]],
    ['nothing by digest, where somebody else made that', [tag, byDigest, id], marks('name', tag), [tag]],
    ['nothing by digest, where a set names that', [tag, byDigest, id], { ...ours, ...marks('name', byDigest) }, [tag]],
    ['nothing else, while another tag of the repository means the same', [tag, otherTag, byDigest, id], ours, [tag]],
    ['its name by digest, where only another repository has it', [tag, byDigest, elsewhere, id], ours, [tag, byDigest]],
    ['its name by ID, where nothing else was made', [tag, id], ours, [tag, byDigest, id]],
    ['nothing else, where there is nothing', [tag], {}, [tag]],
  ])('goes %s', (_, names, labels, expected) => {
    const going = recordsToGo(record(tag), { records: names.map((name) => record(name)), labels })
    expect(going).toEqual(expected)
  })

  it('goes no name that means something else', () => {
    const records = [record(tag), record(byDigest), record(otherTag, v2), record(`r.example/app@${v2}`, v2)]
    expect(recordsToGo(record(tag), { records, labels: ours })).toEqual([tag, byDigest])
  })
})

describe('a name by digest is left over', () => {
  it.each<[string, string[], Labels, string[]]>([
    ['once its tag means something else', [byDigest, id], ours, [byDigest]],
    ['not while a tag needs it', [tag, byDigest, id], ours, []],
    ['not while another tag needs it', [otherTag, byDigest, id], ours, []],
    ['though another repository has the same image', [elsewhere, byDigest, id], ours, [byDigest]],
    ['not if somebody else made it', [byDigest, id], marks('name', tag), []],
    ['not if a set names it', [byDigest, id], { ...ours, ...marks('name', byDigest) }, []],
  ])('%s', (_, names, labels, expected) => {
    const orphans = orphansOf(v1, { records: names.map((name) => record(name)), labels })
    expect(orphans.map(({ name }) => name)).toEqual(expected)
  })
})

describe('whatever names there are', () => {
  const repositories = ['r.example/app', 'r.example:5000/app', 'docker.io/library/app']
  const names = repositories.flatMap((repository) => [
    ...['v1', 'v2', 'latest'].map((word) => `${repository}:${word}`),
    ...[v1, v2].map((digest) => `${repository}@${digest}`),
  ])
  /** Tags mean either image; names by digest and by ID mean their own. */
  const records = fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names, id), fc.constantFrom(v1, v2)), { selector: ([name]) => name })
    .map((pairs) =>
      pairs.map(([name, digest]) =>
        record(name, name === id || name.endsWith(v1) ? v1 : name.endsWith(v2) ? v2 : digest),
      ),
    )
  const labels = fc
    .uniqueArray(fc.tuple(fc.constantFrom<Mark>('name', 'companion'), fc.constantFrom(...names)))
    .map((pairs): Labels => Object.assign({}, ...pairs.map(([mark, name]) => marks(mark, name))) as Labels)
  const world = fc.record({ records, labels })
  const meaning = ({ records: all }: KnownNames, digest: Digest): ImageRecord[] =>
    all.filter(({ target }) => target.digest === digest)

  it('a name takes with it only what means the same, is ours and has no other use', () => {
    fc.assert(
      fc.property(world, fc.nat(), (known, at) => {
        const gone = known.records[at % Math.max(1, known.records.length)]
        if (!gone || isIdName(gone.name)) return
        const going = recordsToGo(gone, known)
        const { digest } = gone.target
        expect(going[0]).toBe(gone.name)
        expect(new Set(going).size).toBe(going.length)
        const left = meaning(known, digest).filter(({ name }) => !going.includes(name))
        for (const name of going.slice(1)) {
          if (isIdName(name)) expect(left.every((other) => isIdName(other.name))).toBe(true)
          else expect(isCompanion(name, known.labels)).toBe(true)
          expect(known.records.some((other) => other.name === name && other.target.digest !== digest)).toBe(false)
          expect(left.some((other) => digestNameOf(other.name, digest) === name)).toBe(false)
        }
      }),
    )
  })

  it('nothing is left over of a tag that was taken away with all that goes with it', () => {
    fc.assert(
      fc.property(world, fc.nat(), (known, at) => {
        const gone = known.records[at % Math.max(1, known.records.length)]
        if (!gone || isIdName(gone.name)) return
        const { digest } = gone.target
        const before = new Set(orphansOf(digest, known).map(({ name }) => name))
        const going = recordsToGo(gone, known)
        const rest = { ...known, records: known.records.filter(({ name }) => !going.includes(name)) }
        expect(orphansOf(digest, rest).filter(({ name }) => !before.has(name))).toEqual([])
      }),
    )
  })

  it('what is left over is ours, means the image, and no tag of its repository does', () => {
    fc.assert(
      fc.property(world, fc.constantFrom(v1, v2), (known, digest) => {
        for (const orphan of orphansOf(digest, known)) {
          expect(orphan.target.digest).toBe(digest)
          expect(isCompanion(orphan.name, known.labels)).toBe(true)
          const tags = meaning(known, digest).filter(({ name }) => name !== orphan.name)
          expect(tags.some(({ name }) => digestNameOf(name, digest) === orphan.name)).toBe(false)
        }
      }),
    )
  })
})

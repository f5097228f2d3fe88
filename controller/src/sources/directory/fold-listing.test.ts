import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { combineFiles } from './combine-files.ts'
import { foldListing, unsettledPaths, type KnownFiles, type ReadFile } from './fold-listing.ts'
import { parseFile } from './parse-file.ts'
import type { Listing } from './scan-directory.ts'

/** A file with caches of these names; `!` breaks it. */
function read(path: string, names: string, signature: string): ReadFile {
  const documents = names
    .split('')
    .map((name) =>
      name === '!'
        ? 'broken: ['
        : `{apiVersion: kubefledged.io/v1alpha2, kind: ImageCache, metadata: {name: ${name}}, spec: {cacheSpec: []}}`,
    )
  return { ...parseFile(path, documents.join('\n---\n')), signature, isEmpty: names === '' }
}

type Directory = Record<string, string>

function listingOf(directory: Directory, more: Partial<Listing> = {}): Listing {
  return {
    kind: 'listing',
    directories: new Map(),
    files: new Map(Object.entries(directory)),
    unreadable: new Map(),
    confirmedEmpty: false,
    ...more,
  }
}

interface Look {
  readonly before?: Directory
  readonly now: Directory
  readonly more?: Partial<Listing>
}

/** Files whose content is their signature. */
function fold(known: KnownFiles, { before, now, more }: Look) {
  const listing = listingOf(now, more)
  const unsettled = unsettledPaths(listingOf(before ?? now), listing)
  const changed = Object.entries(now).filter(
    ([path, names]) => !unsettled.has(path) && known.get(path)?.signature !== names,
  )
  const parsed = new Map(changed.map(([path, names]) => [path, read(path, names, names)]))
  return foldListing(known, { listing, unsettled, parsed })
}

function after(...looks: (Directory | Look)[]) {
  let result = foldListing(new Map(), { listing: listingOf({}), unsettled: new Set(), parsed: new Map() })
  for (const look of looks)
    result = fold(
      result.files,
      'now' in look && typeof look.now === 'object' ? (look as Look) : { now: look as Directory },
    )
  const { wishes, problems } = combineFiles(result.files)
  return { caches: wishes.caches.map(({ name }) => name).join(''), problems, held: result.held !== undefined }
}

describe('a look at a directory', () => {
  const two = { 'a.yaml': 'a', 'b.yaml': 'b' }

  it.each<[string, (Directory | Look)[], string, boolean]>([
    ['takes files over', [two], 'ab', false],
    ['lets objects of a removed file go', [two, { 'a.yaml': 'a' }], 'a', false],
    ['lets the last single cache go', [{ 'a.yaml': 'a' }, {}], '', false],
    ['does not believe that several caches are gone with every file', [two, {}], 'ab', true],
    ['does not believe it either of one file with several caches', [{ 'a.yaml': 'ab' }, {}], 'ab', true],
    ['believes it when one file is left', [two, { 'c.yaml': '' }], '', false],
    ['believes it when it is confirmed', [two, { now: {}, more: { confirmedEmpty: true } }], '', false],
    ['ends the hold when files come back', [two, {}, { 'b.yaml': 'b' }], 'b', false],
    ['keeps the last good version of a file that is broken', [two, { ...two, 'b.yaml': 'bc!' }], 'ab', false],
    ['takes nothing of a new file that is broken', [two, { ...two, 'c.yaml': 'c!' }], 'ab', false],
    ['keeps what a file held that has not a byte left', [two, { ...two, 'b.yaml': '' }], 'ab', false],
    ['waits with a file that is changing', [two, { before: two, now: { ...two, 'b.yaml': 'bc' } }], 'ab', false],
    ['waits with a file that just went', [two, { before: two, now: { 'a.yaml': 'a' } }], 'ab', false],
    [
      'waits with a file that went while a new one is written',
      [two, { before: {}, now: { 'c.yaml': 'a' } }],
      'ab',
      false,
    ],
    ['lets it go when that one is read', [two, { before: {}, now: { 'c.yaml': 'a' } }, { 'c.yaml': 'a' }], 'a', false],
    ['waits with a whole directory that just went', [two, { before: two, now: {} }], 'ab', false],
    [
      'keeps what lies in a folder that cannot be read',
      [
        { 'x/a.yaml': 'a', 'xy/b.yaml': 'b' },
        { now: {}, more: { unreadable: new Map([['x', 'denied']]) } },
      ],
      'a',
      false,
    ],
  ])('%s', (_, looks, caches, held) => {
    expect(after(...looks)).toMatchObject({ caches, held })
  })

  it('tells which caches stay as they were because of a broken file', () => {
    expect(after({ 'a.yaml': 'ab' }, { 'a.yaml': 'a!' }).problems).toMatchObject([
      { file: 'a.yaml', line: 3, caches: ['default/a', 'default/b'] },
    ])
  })

  it('says of two objects with one name where both are, and takes the first by file name', () => {
    const { caches, problems } = after({ 'b.yaml': 'cx', 'a.yaml': 'x' })
    expect(caches).toBe('xc')
    expect(problems).toMatchObject([{ severity: 'error', file: 'b.yaml', line: 3 }])
    expect(problems[0]?.message).toContain('a.yaml:1')
  })

  it('changes nothing when nothing changed', () => {
    const first = fold(new Map(), { now: two })
    expect(fold(first.files, { now: two }).files).toBe(first.files)
  })

  it('never loses more than one cache to an empty directory', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 6 })
    fc.assert(
      fc.property(names, (caches) => {
        const directory = Object.fromEntries(caches.map((name) => [`${name}.yaml`, name]))
        expect(after(directory, {}).caches).toBe(caches.length > 1 ? caches.toSorted().join('') : '')
      }),
    )
  })
})

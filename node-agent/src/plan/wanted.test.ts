import { digestOf } from '@stowage/mirror/oci/digest'
import type { AssignmentEntry } from '@stowage/mirror/edge/assignment'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { expect, it } from 'vitest'
import { wantedOf, type KnownEntry } from './wanted.ts'

function entryOf(names: readonly string[], priority?: number, more: Partial<AssignmentEntry> = {}): KnownEntry {
  const root = { mediaType: mediaTypes.manifest, digest: digestOf('v1'), size: 1 }
  const cache = { namespace: 'n', name: 'c', uid: 'u' }
  return {
    entry: {
      cache,
      list: 0,
      set: digestOf(names.join()),
      removal: 'keep',
      ...(priority !== undefined && { priority }),
      ...more,
    },
    set: { images: names.map((name) => ({ name, root })), unresolved: [] },
  }
}

it('gives an image the highest priority of all entries that name it', () => {
  const { priorities } = wantedOf([entryOf(['a', 'b'], 5), entryOf(['a', 'c'], 7), entryOf(['c']), entryOf(['d'], -3)])
  expect(Object.fromEntries(priorities)).toEqual({ a: 7, b: 5, c: 7, d: -3 })
  expect(wantedOf([entryOf(['d'], -3), entryOf(['d'])]).priorities.get('d')).toBe(0)
})

it('leaves unpinned only what no entry wants pinned', () => {
  const not = { pin: false }
  const entries = [
    entryOf(['a', 'b'], 0, not),
    entryOf(['b', 'c']),
    entryOf(['a', 'd'], 0, not),
    entryOf(['e'], 0, { pin: true }),
  ]
  expect([...wantedOf(entries).unpinned]).toEqual(['a', 'd'])
})

import type { ContentSource } from '@stowage/mirror/content'
import { digestOf } from '@stowage/mirror/oci/digest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { expect, it } from 'vitest'
import { withoutRepetition, type BundlePart } from './bundle-part.ts'

const source = {} as ContentSource
const image = (name: string, version: string): BundlePart['images'][number] => ({
  name,
  root: { mediaType: mediaTypes.manifest, digest: digestOf(version), size: 1 },
  repository: '',
})
const entry = (uid: string): BundlePart['entries'][number] => ({
  cache: { namespace: 'n', name: uid, uid },
  list: 0,
  set: digestOf(uid),
  removal: 'keep',
})
const part = (names: readonly string[], version = 'v1'): BundlePart => ({
  source,
  entries: names.map(entry),
  sets: names.map((name) => ({ repository: '', digest: digestOf(name) })),
  images: names.map((name) => image(name, version)),
  files: names.map((name) => ({ name, size: 0, read: async function* () {} })),
})

it('takes from each part what no part before it has', () => {
  const [first, second] = withoutRepetition([part(['a', 'b']), part(['b', 'c'])])
  for (const key of ['entries', 'sets', 'images', 'files'] as const) {
    expect([first?.[key].length, second?.[key].length]).toEqual([2, 1])
  }
  expect(second?.images).toEqual([image('c', 'v1')])
})

it('refuses a name that means two images', () => {
  expect(() => withoutRepetition([part(['a']), part(['a'], 'v2')])).toThrow(/^a would be both sha256:\w+ and sha256:/)
})

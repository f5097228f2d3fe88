import fc from 'fast-check'
import { expect, it } from 'vitest'
import { digestOf, hexOf } from '@stowage/mirror/oci/digest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import type { ImageRecord } from './image-records.ts'
import { isInUse } from './in-use.ts'

const [root, otherRoot] = [digestOf('root'), digestOf('other root')]
const [config, otherConfig] = [digestOf('configuration'), digestOf('other configuration')]
const record = (name: string, digest = root): ImageRecord => ({
  name,
  target: { mediaType: mediaTypes.manifest, digest, size: 1 },
  labels: {},
})
const records = [
  record('r.example/app:v1'),
  record('r.example/app:latest'),
  record(config),
  record('r.example/other:v1', otherRoot),
]

it.each([
  ['its name', 'r.example/app:v1', true],
  ['another of its names', 'r.example/app:latest', true],
  ['its name by digest, though nothing has that name any more', `r.example/app@${root}`, true],
  ['its name by ID', config, true],
  ['its ID alone', hexOf(config), true],
  ['the name of another image', 'r.example/other:v1', false],
  ['the digest of another image', `r.example/app@${otherRoot}`, false],
  ['the ID of another image', otherConfig, false],
  ['a name that nothing has', 'r.example/app:v2', false],
  ['no name', '', false],
])('an image is in use by a container made from %s: %s', (_, word, expected) => {
  expect(isInUse({ root, config }, ['r.example/stranger:v1', word], records)).toBe(expected)
})

it('an image of which the configuration is not known is in use by its names alone', () => {
  expect(isInUse({ root, config: undefined }, [config], [])).toBe(false)
  expect(isInUse({ root, config: undefined }, ['r.example/app:v1'], records)).toBe(true)
})

it('more containers never set an image free', () => {
  const word = fc.constantFrom('', config, hexOf(config), `r/a@${root}`, ...records.map(({ name }) => name), 'x')
  fc.assert(
    fc.property(fc.array(word), fc.array(word), (some, more) => {
      if (isInUse({ root, config }, some, records)) {
        expect(isInUse({ root, config }, [...more, ...some], records)).toBe(true)
      }
    }),
  )
})

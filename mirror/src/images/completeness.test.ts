import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { parseManifest, type Manifest } from '../oci/manifest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { formatPlatform, parsePlatform } from '../oci/platform.ts'
import { completenessOf, describeCompleteness } from './completeness.ts'

const blob = (text: string): Descriptor => ({
  mediaType: mediaTypes.layer,
  digest: digestOf(text),
  size: text.length,
})
const manifestOf = (document: object): Manifest =>
  parseManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, ...document })))
const imageOf = (...layers: string[]): Manifest =>
  manifestOf({ mediaType: mediaTypes.manifest, config: blob(`config of ${layers.join()}`), layers: layers.map(blob) })
const entry = ({ mediaType, digest, raw }: Manifest, platform?: string): object => ({
  mediaType,
  digest,
  size: raw.length,
  ...(platform && { platform: platform === 'unknown' ? unknown : parsePlatform(platform) }),
})
const unknown = { os: 'unknown', architecture: 'unknown' }
const indexOf = (...manifests: object[]): Manifest => manifestOf({ mediaType: mediaTypes.index, manifests })
const found = (root: Manifest, below: readonly Manifest[], missing: readonly string[] = [], damaged: Manifest[] = []) =>
  completenessOf({
    root,
    manifests: new Map([root, ...below].map((manifest) => [manifest.digest, manifest])),
    missing: new Set(missing.map((text) => digestOf(text))),
    damaged: new Set(damaged.map(({ digest }) => digest)),
    configs: new Map(),
  })

const amd = imageOf('base', 'amd')
const arm = imageOf('base', 'arm')
const proof = imageOf('proof')
const index = indexOf(entry(amd, 'linux/amd64'), entry(arm, 'linux/arm64'), entry(proof, 'unknown'))

describe('completenessOf', () => {
  it.each([
    ['all of it', found(index, [amd, arm, proof]), 'whole', ['linux/amd64', 'linux/arm64']],
    ['one platform', found(index, [arm, proof]), 'sparse: 1 of 2 platforms', ['linux/arm64']],
    ['no platform', found(index, []), 'sparse: 0 of 2 platforms', []],
    ['no attestation', found(index, [amd, arm]), 'sparse: 1 manifest left out', ['linux/amd64', 'linux/arm64']],
    [
      'a layer less',
      found(index, [amd, arm, proof], ['arm']),
      'broken: 1 blob missing, 1 of 2 platforms',
      ['linux/amd64'],
    ],
    ['a shared layer less', found(index, [amd, arm, proof], ['base']), 'broken: 1 blob missing, 0 of 2 platforms', []],
    [
      'a damaged manifest',
      found(index, [amd, proof], [], [arm]),
      'broken: 1 manifest damaged, 1 of 2 platforms',
      ['linux/amd64'],
    ],
    ['a plain image', found(amd, []), 'whole', []],
    ['a plain image without a layer', found(amd, [], ['amd', 'base']), 'broken: 2 blobs missing', []],
  ])('says of %s what is there', (_, completeness, words, platforms) => {
    expect(describeCompleteness(completeness)).toBe(words)
    expect(completeness.platforms.map(formatPlatform)).toEqual(platforms)
  })

  it('counts a platform that two entries offer as there if one of them is', () => {
    const both = indexOf(entry(amd, 'linux/amd64'), entry(arm, 'linux/amd64'))
    expect(found(both, [amd])).toMatchObject({ state: 'sparse', lacking: [] })
  })

  it('looks below indexes', () => {
    const nested = indexOf(entry(index, 'linux/amd64'))
    expect(found(nested, [index, amd, arm, proof]).state).toBe('whole')
    expect(found(nested, [index, amd, arm]).platforms.map(formatPlatform)).toEqual(['linux/amd64', 'linux/arm64'])
    expect(found(nested, [index, arm]).platforms.map(formatPlatform)).toEqual(['linux/arm64'])
  })

  it('tells whole, sparse and broken apart whatever is missing', () => {
    const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/s390x']
    const parts = fc.array(fc.record({ isThere: fc.boolean(), lost: fc.subarray(['a', 'b', 'c']) }), {
      minLength: 1,
      maxLength: platforms.length,
    })
    fc.assert(
      fc.property(parts, (states) => {
        const images = states.map((_, at) => imageOf(...['a', 'b', 'c'].map((name) => `${name}${at}`)))
        const root = indexOf(...images.map((image, at) => entry(image, platforms[at])))
        const here = images.filter((_, at) => states[at]?.isThere)
        const lost = states.flatMap(({ isThere, lost: names }, at) => (isThere ? names.map((name) => name + at) : []))
        const completeness = found(root, here, lost)
        const whole = states.filter(({ isThere, lost: names }) => isThere && names.length === 0)
        expect(completeness.state).toBe(lost.length > 0 ? 'broken' : here.length < images.length ? 'sparse' : 'whole')
        expect(completeness.platforms).toHaveLength(whole.length)
        expect(completeness.lacking).toHaveLength(states.length - whole.length)
        expect(completeness.missingBlobs.map(({ digest }): Digest => digest).toSorted()).toEqual(
          lost.map((name) => digestOf(name)).toSorted(),
        )
      }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { parseReference } from '../oci/reference.ts'
import { buildSet, imageNameOf, parseSet, type DesiredImage } from './set.ts'

const image = (name: string, content = name): DesiredImage => ({
  name,
  root: { mediaType: mediaTypes.manifest, digest: digestOf(content), size: content.length },
})

describe('a set', () => {
  it('has the same bytes in whatever order its images stand', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 6 })
    fc.assert(
      fc.property(names, names, (images, unresolved) => {
        const set = { images: images.map((name) => image(name)), unresolved }
        const turned = { images: set.images.toReversed(), unresolved: unresolved.toReversed() }
        expect(buildSet(turned).digest).toBe(buildSet(set).digest)
      }),
    )
  })

  it('comes back as it was written', () => {
    const set = {
      images: [image('docker.io/library/a:1'), image('docker.io/library/b:1')],
      unresolved: ['docker.io/library/c:1'],
    }
    const index = buildSet(set)
    expect(parseSet(index.raw, { digest: index.digest })).toEqual(set)
  })

  it('may be empty', () => {
    expect(parseSet(buildSet({ images: [], unresolved: [] }).raw)).toEqual({ images: [], unresolved: [] })
  })

  it('does not list a name as unresolved that it has resolved', () => {
    expect(parseSet(buildSet({ images: [image('a')], unresolved: ['a'] }).raw).unresolved).toEqual([])
  })

  it.each([
    ['another artifact', { artifactType: 'a/b', manifests: [] }],
    ['an entry without a name', { artifactType: 'application/vnd.stowage.set.v1+json', manifests: [image('a').root] }],
    [
      'a broken list of unresolved names',
      {
        artifactType: 'application/vnd.stowage.set.v1+json',
        manifests: [],
        annotations: { 'dev.stowage.set.unresolved': '{' },
      },
    ],
  ])('is not %s', (_, json) => {
    const raw = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, ...json }))
    expect(() => parseSet(raw)).toThrow(expect.objectContaining({ code: 'invalid' }))
  })
})

describe('imageNameOf', () => {
  it.each([
    ['nginx:1', 'docker.io/library/nginx:1'],
    [`nginx@${digestOf('x')}`, `docker.io/library/nginx@${digestOf('x')}`],
    [`nginx:1@${digestOf('x')}`, `docker.io/library/nginx@${digestOf('x')}`],
  ])('names %s as the CRI does: %s', (text, name) => {
    expect(imageNameOf(parseReference(text))).toBe(name)
  })
})

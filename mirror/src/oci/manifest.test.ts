import { describe, expect, it } from 'vitest'
import { digestOf } from './digest.ts'
import { artifactTypeOf, blobsOf, descriptorOf, maxManifestSize, parseManifest } from './manifest.ts'
import { mediaTypes } from './media-type.ts'

const descriptor = (content: string, mediaType: string): object => ({
  mediaType,
  digest: digestOf(content),
  size: content.length,
})
const encode = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json))

const image = {
  schemaVersion: 2,
  mediaType: mediaTypes.manifest,
  config: descriptor('config', mediaTypes.config),
  layers: [
    descriptor('one', mediaTypes.layerGzip),
    descriptor('two', mediaTypes.layerGzip),
    descriptor('one', mediaTypes.layerGzip),
  ],
  'com.example.unknown': { kept: true },
}

describe('parseManifest', () => {
  it('keeps the bytes, unknown fields included', () => {
    const raw = encode(image)
    const manifest = parseManifest(raw, { mediaType: mediaTypes.manifest, digest: digestOf(raw) })
    expect(manifest.raw).toBe(raw)
    expect(manifest).toMatchObject({ kind: 'manifest', digest: digestOf(raw), mediaType: mediaTypes.manifest })
    expect(descriptorOf(manifest)).toEqual({ mediaType: mediaTypes.manifest, digest: digestOf(raw), size: raw.length })
  })

  it('knows an index, also one that does not say so', () => {
    const raw = encode({ schemaVersion: 2, manifests: [descriptor('m', mediaTypes.manifest)] })
    expect(parseManifest(raw)).toMatchObject({ kind: 'index', mediaType: mediaTypes.index })
  })

  it('takes parameters and capitals of a Content-Type for what they are', () => {
    const { mediaType: _, ...untyped } = image
    const raw = encode(untyped)
    expect(
      parseManifest(raw, { mediaType: 'application/vnd.OCI.image.manifest.v1+json; charset=utf-8' }).mediaType,
    ).toBe(mediaTypes.manifest)
  })

  it.each([
    ['bytes that are not JSON', Buffer.from('{'), {}, 'invalid', /not JSON/],
    ['a JSON text that is no object', Buffer.from('[]'), {}, 'invalid', /object/],
    ['schema 1', encode({ ...image, schemaVersion: 1 }), {}, 'invalid', /schemaVersion/],
    [
      'a type that contradicts the one inside',
      encode(image),
      { mediaType: mediaTypes.index },
      'invalid',
      /says that it is/,
    ],
    ['an unknown type', encode({ ...image, mediaType: 'text/plain' }), {}, 'invalid', /text\/plain/],
    [
      'a bad descriptor',
      encode({ ...image, config: { mediaType: 'x', digest: 'sha256:1', size: 1 } }),
      {},
      'invalid',
      /config\.digest/,
    ],
    [
      'a negative size',
      encode({ ...image, layers: [{ mediaType: 'x', digest: digestOf(''), size: -1 }] }),
      {},
      'invalid',
      /layers\.0\.size/,
    ],
    ['other bytes than promised', encode(image), { digest: digestOf('other') }, 'corrupt', /promised/],
    ['more than the limit', new Uint8Array(maxManifestSize + 1), {}, 'invalid', /larger/],
  ])('refuses %s', (_, raw, options, code, message) => {
    expect(() => parseManifest(raw, options)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })
})

describe('blobsOf', () => {
  it('names each blob once, config first, foreign layers left out', () => {
    const foreign = descriptor('f', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')
    const manifest = parseManifest(encode({ ...image, layers: [...image.layers, foreign] }))
    expect(manifest.kind === 'manifest' && blobsOf(manifest).map((blob) => blob.digest)).toEqual(
      ['config', 'one', 'two'].map((text) => digestOf(text)),
    )
  })
})

describe('artifactTypeOf', () => {
  it('falls back to the type of the config for images only', () => {
    expect(artifactTypeOf(parseManifest(encode(image)))).toBe(mediaTypes.config)
    expect(artifactTypeOf(parseManifest(encode({ ...image, artifactType: 'a/b' })))).toBe('a/b')
    expect(artifactTypeOf(parseManifest(encode({ schemaVersion: 2, manifests: [] })))).toBeUndefined()
  })
})

import { describe, expect, it } from 'vitest'
import { digestOf } from './digest.ts'
import { parseImageConfig } from './image-config.ts'

const bytes = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json))
const diffId = digestOf('a layer')

describe('parseImageConfig', () => {
  it('reads platform and diff IDs and keeps the bytes', () => {
    const raw = bytes({
      os: 'linux',
      architecture: 'arm',
      variant: 'v6',
      rootfs: { type: 'layers', diff_ids: [diffId] },
    })
    expect(parseImageConfig(raw)).toEqual({
      raw,
      digest: digestOf(raw),
      platform: { os: 'linux', architecture: 'arm', variant: 'v6' },
      diffIds: [diffId],
    })
  })

  it.each([
    ['nothing', {}],
    ['nulls', { os: null, architecture: null, rootfs: { diff_ids: null } }],
    ['half a platform', { os: 'linux', rootfs: null }],
    ['empty words', { os: 'linux', architecture: '', rootfs: { diff_ids: [] } }],
  ])('takes %s for no platform and no layers', (_, json) => {
    expect(parseImageConfig(bytes(json))).toMatchObject({ platform: undefined, diffIds: [] })
  })

  it.each([
    ['no JSON', new TextEncoder().encode('{"os":'), 'it is not JSON'],
    ['no object', bytes([1]), 'expected object'],
    ['a diff ID that is none', bytes({ rootfs: { diff_ids: ['md5:1'] } }), 'rootfs.diff_ids.0: is not a sha256'],
  ])('refuses %s', (_, raw, words) => {
    expect(() => parseImageConfig(raw)).toThrow(words)
  })

  it('refuses bytes that are not the promised ones', () => {
    expect(() => parseImageConfig(bytes({}), digestOf('other'))).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })
})

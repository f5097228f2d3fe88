import { describe, expect, it } from 'vitest'
import type { Descriptor } from './descriptor.ts'
import { digestOf } from './digest.ts'
import { mediaTypes } from './media-type.ts'
import { parsePlatform } from './platform.ts'
import { selectChild, selectChildren } from './select-children.ts'

const entry = (content: string, platform?: string, more: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: mediaTypes.manifest,
  digest: digestOf(content),
  size: 1,
  ...(platform ? { platform: parsePlatform(platform) } : {}),
  ...more,
})
const attestation = (of: Descriptor): Descriptor =>
  entry(`attests ${of.digest}`, 'unknown/unknown', { annotations: { 'vnd.docker.reference.digest': of.digest } })

const amd64 = entry('amd64', 'linux/amd64')
const arm64 = entry('arm64', 'linux/arm64')
const nested = entry('nested', undefined, { mediaType: mediaTypes.index })
const all = [amd64, arm64, attestation(amd64), attestation(arm64)]

describe('selectChildren', () => {
  it('takes the wanted platforms with their attestations, in the order of the index', () => {
    expect(selectChildren(all, [parsePlatform('linux/arm64')])).toEqual([arm64, attestation(arm64)])
  })

  it('takes everything without a choice of platforms', () => {
    expect(selectChildren(all)).toEqual(all)
  })

  it('follows what names no platform', () => {
    expect(selectChildren([nested, amd64, arm64], [parsePlatform('linux/amd64')])).toEqual([nested, amd64])
  })

  it('takes nothing where nothing runs', () => {
    expect(selectChildren(all, [parsePlatform('linux/s390x')])).toEqual([])
  })
})

describe('selectChild', () => {
  it('takes the one manifest of a platform, or the nested index where it may be', () => {
    expect(selectChild(all, parsePlatform('linux/amd64'))).toBe(amd64)
    expect(selectChild([attestation(amd64), nested], parsePlatform('linux/amd64'))).toBe(nested)
    expect(selectChild(all, parsePlatform('linux/s390x'))).toBeUndefined()
  })
})

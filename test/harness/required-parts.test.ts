import { describe, expect, it } from 'vitest'
import { parts } from './parts.ts'
import { requiredParts } from './required-parts.ts'

describe('STOWAGE_REQUIRE', () => {
  it('requires nothing when it is not set', () => {
    expect([...requiredParts(undefined)]).toEqual([])
    expect([...requiredParts('')]).toEqual([])
  })
  it('takes names with commas between', () => {
    expect([...requiredParts('skopeo, podman')]).toEqual(['skopeo', 'podman'])
  })
  it('takes all', () => {
    expect([...requiredParts('all')]).toEqual(Object.keys(parts).toSorted())
  })
  it('refuses a name that it does not know, and says which it knows', () => {
    expect(() => requiredParts('skopeo,dokcer-registry')).toThrow(
      /no such part: dokcer-registry; known are all, .*skopeo/,
    )
  })
})

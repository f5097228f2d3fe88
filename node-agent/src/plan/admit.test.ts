import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { admit, type Candidate } from './admit.ts'

function candidate(
  name: string,
  restBytes: number,
  options: Partial<Pick<Candidate, 'running' | 'priority'>> & { largest?: number } = {},
): Candidate {
  return {
    image: { name, root: { mediaType: mediaTypes.manifest, digest: digestOf(name), size: 1 } },
    restBytes,
    largestRestBytes: options.largest ?? restBytes,
    running: options.running ?? false,
    priority: options.priority ?? 0,
  }
}
const room = (runtimeBytes: number, partsBytes = Infinity, reserveBytes = 10) => ({
  runtimeBytes,
  partsBytes,
  reserveBytes,
  bytesPerBlobByte: 1,
})
const names = (images: readonly { name: string }[]): string[] => images.map(({ name }) => name)

describe('admission', () => {
  it('serves first what is done soonest', () => {
    const { admitted } = admit([candidate('big', 50), candidate('small', 1), candidate('middle', 7)], room(1000))
    expect(names(admitted)).toEqual(['small', 'middle', 'big'])
  })

  it('lets what has begun go on first', () => {
    const { admitted } = admit([candidate('small', 1), candidate('big', 50, { running: true })], room(1000))
    expect(names(admitted)).toEqual(['big', 'small'])
  })

  it('lets nothing begin while it is read what an image of a higher priority needs', () => {
    const some = [
      candidate('begun', 2, { running: true }),
      candidate('other', 1),
      candidate('high', 3, { priority: 5 }),
    ]
    expect(names(admit(some, room(1000), 7).admitted)).toEqual(['begun'])
    expect(names(admit(some, room(1000), 5).admitted)).toEqual(['high', 'begun'])
    expect(names(admit(some, room(1000), 0).admitted)).toEqual(['high', 'begun'])
  })

  it('lets only images of the highest priority begin, and serves them before what has begun', () => {
    const begun = candidate('begun', 2, { running: true })
    const high = [candidate('high', 50, { priority: 10 }), candidate('higher', 7, { priority: 10 })]
    const all = [candidate('low', 1, { priority: -1 }), begun, candidate('plain', 1), ...high]
    expect(names(admit(all, room(1000)).admitted)).toEqual(['higher', 'high', 'begun'])
  })

  it('lets the next priority begin where there is no room for the highest', () => {
    const { admitted, heldBack } = admit([candidate('high', 500, { priority: 1 }), candidate('plain', 5)], room(100))
    expect(names(admitted)).toEqual(['plain'])
    expect(heldBack).toHaveLength(1)
  })

  it('leaves what has begun its room, whatever comes before it', () => {
    const begun = candidate('begun', 60, { running: true })
    const { admitted, heldBack } = admit([candidate('high', 50, { priority: 1 }), begun], room(100))
    expect(names(admitted)).toEqual(['begun'])
    expect(heldBack).toMatchObject([{ image: { name: 'high' } }])
  })

  it('gives the room to the higher priority, not to the smaller image', () => {
    const { admitted } = admit([candidate('small', 10), candidate('high', 85, { priority: 1 })], room(100))
    expect(names(admitted)).toEqual(['high'])
  })

  it('holds back what does not fit beside the others, and says by how much', () => {
    const { admitted, heldBack } = admit([candidate('a', 40), candidate('b', 60)], room(100))
    expect(names(admitted)).toEqual(['a'])
    expect(heldBack).toMatchObject([{ image: { name: 'b' }, shortBytes: 10 }])
  })

  it('counts what layers take once they are unpacked', () => {
    const { heldBack } = admit([candidate('a', 40)], { ...room(100), bytesPerBlobByte: 3 })
    expect(heldBack).toMatchObject([{ shortBytes: 30 }])
  })

  it('admits an image of which all bytes are here, however full the disk is', () => {
    expect(names(admit([candidate('a', 0)], room(0)).admitted)).toEqual(['a'])
  })

  it('looks at the disk of the half-fetched blobs, too', () => {
    const { heldBack } = admit([candidate('a', 40, { largest: 30 })], room(1000, 35))
    expect(heldBack).toMatchObject([{ shortBytes: 5 }])
  })

  it('never admits more than fits', () => {
    const candidates = fc
      .array(fc.nat(100), { maxLength: 8 })
      .map((sizes) => sizes.map((s, i) => candidate(`i${i}`, s)))
    fc.assert(
      fc.property(candidates, fc.nat(300), (all, free) => {
        const { admitted, heldBack } = admit(all, room(free))
        const sizes = new Map(all.map((c) => [c.image.name, c.restBytes]))
        const sum = admitted.reduce((total, { name }) => total + (sizes.get(name) ?? 0), 0)
        expect(sum).toBeLessThanOrEqual(Math.max(0, free - 10))
        expect(admitted.length + heldBack.length).toBe(all.length)
      }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { entryNamed, formatLayoutIndex, parseLayoutIndex, withEntry } from './layout-index.ts'

const target = (text: string): Descriptor => ({
  mediaType: mediaTypes.manifest,
  digest: digestOf(text),
  size: text.length,
})
const [one, two] = [target('one'), target('two')]

describe('withEntry', () => {
  it('takes a name from whatever had it', () => {
    const entries = withEntry(withEntry([], one, 'v1'), two, 'v1')
    expect(entries).toHaveLength(1)
    expect(entryNamed(entries, 'v1')?.digest).toBe(two.digest)
  })

  it('gives one manifest several names', () => {
    const entries = withEntry(withEntry([], one, 'v1'), one, 'v2')
    expect([entryNamed(entries, 'v1')?.digest, entryNamed(entries, 'v2')?.digest]).toEqual([one.digest, one.digest])
  })

  it('lists what has no name once, and no more when it has one', () => {
    const listed = withEntry(withEntry([], one), one)
    expect(listed).toHaveLength(1)
    expect(withEntry(listed, one, 'v1')).toEqual(withEntry([], one, 'v1'))
    expect(withEntry(withEntry([], one, 'v1'), one)).toHaveLength(1)
  })

  it('leaves the last meaning of each name, and every manifest that was listed without one', () => {
    const name = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined })
    const step = fc.record({ target: fc.constantFrom(one, two, target('three')), name })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const entries = steps.reduce<readonly Descriptor[]>(
          (all, { target: to, name: as }) => withEntry(all, to, as),
          [],
        )
        const meanings = new Map(
          steps.flatMap(({ target: to, name: as }) => (as === undefined ? [] : [[as, to.digest]])),
        )
        for (const [as, digest] of meanings) expect(entryNamed(entries, as)?.digest).toBe(digest)
        const unnamed = steps.filter((each) => each.name === undefined)
        const lastNamed = new Set(meanings.values())
        for (const { target: to } of unnamed) {
          const wasRenamed =
            steps.some((each) => each.name !== undefined && each.target === to) && !lastNamed.has(to.digest)
          if (!wasRenamed) expect(entries.some(({ digest }) => digest === to.digest)).toBe(true)
        }
      }),
    )
  })
})

it('keeps what else an index.json says', () => {
  const former = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [], annotations: { of: 'somebody' } }))
  const bytes = formatLayoutIndex([one], former)
  expect(parseLayoutIndex(bytes)).toMatchObject({ manifests: [one], annotations: { of: 'somebody' } })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { planRemoval } from './plan-removal.ts'

const [one, two, index] = [digestOf('one'), digestOf('two'), digestOf('index')]
const tags = new Map([
  ['v1', one],
  ['v2', one],
  ['other', two],
])
const indexes = new Map([[two, [index]]])
const plan = (...references: { tag?: string; digest?: typeof one }[]) =>
  planRemoval(
    'app',
    references.map((reference) => ({ repository: 'app', ...reference })),
    { tags, indexes },
  )

describe('planRemoval', () => {
  it('takes a tag and leaves what has another one', () => {
    expect(plan({ tag: 'v1' })).toEqual({
      removals: [{ kind: 'tag', repository: 'app', tag: 'v1', digest: one, isLast: false, speaking: [] }],
      objections: [],
      unknown: [],
    })
  })

  it('says that a tag is the last one, also when all of them are named', () => {
    expect(plan({ tag: 'other' }).removals).toMatchObject([{ isLast: true }])
    expect(plan({ tag: 'v1' }, { tag: 'v2' }).removals).toMatchObject([{ isLast: true }, { isLast: true }])
  })

  it('names the tags of signatures that stay behind, unless they are named', () => {
    const signature = `sha256-${two.slice('sha256:'.length)}.sig`
    const state = { tags: new Map([...tags, [signature, index]]), indexes: new Map() }
    const other = { repository: 'app', tag: 'other' }
    expect(planRemoval('app', [other], state).removals).toMatchObject([{ speaking: [signature] }])
    const both = [other, { repository: 'app', tag: signature }]
    expect(planRemoval('app', both, state).removals).toMatchObject([{ speaking: [] }, { tag: signature }])
    expect(plan({ tag: 'v1' }).removals).toMatchObject([{ speaking: [] }])
  })

  it('objects when tags go that nobody named', () => {
    expect(plan({ digest: one }).objections).toEqual([`app@${one}: v1, v2 would go with it`])
    expect(plan({ digest: one }, { tag: 'v1' }).objections).toEqual([`app@${one}: v2 would go with it`])
    expect(plan({ digest: one }, { tag: 'v1' }, { tag: 'v2' }).objections).toEqual([])
  })

  it('objects when an index would stay without a part', () => {
    expect(plan({ digest: two }, { tag: 'other' }).objections).toEqual([
      `app@${two}: it is a part of ${index}, which would stay without it`,
    ])
    expect(plan({ digest: two }, { tag: 'other' }, { digest: index }).objections).toEqual([])
  })

  it('does not know tags that are not there or mean something else', () => {
    expect(plan({ tag: 'v9' }, { tag: 'v1', digest: two }).unknown).toEqual(['app:v9', `app:v1@${two}`])
    expect(plan({ tag: 'v1', digest: one }).removals).toHaveLength(1)
  })

  it('never names anything twice', () => {
    const reference = fc.constantFrom({ tag: 'v1' }, { tag: 'v2' }, { tag: 'other' }, { digest: one }, { digest: two })
    fc.assert(
      fc.property(fc.array(reference), (references) => {
        const { removals } = plan(...references)
        expect(new Set(removals.map((removal) => JSON.stringify(removal))).size).toBe(removals.length)
      }),
    )
  })
})

import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { digestOf, type Digest } from '../../oci/digest.ts'
import { closureOf, planLinks, type FoundLink, type LinksInput } from './plan-links.ts'

const rules = { graceMs: 100, untaggedMs: 1000, youngMs: 10 }
const now = 10_000
const digest = (name: string): Digest => digestOf(name)
const [index, image, layer, signature] = ['index', 'image', 'layer', 'signature'].map(digest) as [
  Digest,
  Digest,
  Digest,
  Digest,
]
const edges = new Map([
  [index, [image]],
  [image, [layer, signature]],
])

const found = (isManifest: boolean, ageMs: number, condemnedMs?: number): FoundLink => ({
  isManifest,
  changedAt: now - ageMs,
  condemnedAt: condemnedMs === undefined ? undefined : now - condemnedMs,
})

const plan = (links: readonly [Digest, FoundLink][], more: Partial<LinksInput> = {}) =>
  planLinks({ links: new Map(links), edges, roots: [], isPushedTo: false, now, rules, ...more })

const nothing = { pardon: [], condemn: [], doomed: [], untagged: [], waiting: [] }

describe('planLinks', () => {
  it('leaves what a root needs, through indexes and to signatures', () => {
    const links = [index, image, layer, signature].map((one) => [one, found(one !== layer, 5000)] as const)
    expect(plan(links as never, { roots: [index] })).toEqual(nothing)
    expect(plan(links as never).condemn).toHaveLength(4)
  })

  it.each([
    ['an untagged manifest that is new', [[image, found(true, 999)]], { ...nothing, untagged: [image] }],
    ['one that is not', [[image, found(true, 1000)]], { ...nothing, condemn: [image] }],
    ['a blob that just came', [[layer, found(false, 9)]], nothing],
    ['a blob that came before', [[layer, found(false, 10)]], { ...nothing, condemn: [layer] }],
    ['an untagged manifest of a clock a little ahead', [[image, found(true, -999)]], { ...nothing, untagged: [image] }],
    ['one of a clock far ahead', [[image, found(true, -1000)]], { ...nothing, condemn: [image] }],
    ['a blob of a clock far ahead', [[layer, found(false, -10)]], { ...nothing, condemn: [layer] }],
    ['what was condemned within the grace', [[layer, found(false, 99, 99)]], { ...nothing, waiting: [layer] }],
    ['what was condemned before', [[layer, found(false, 100, 100)]], { ...nothing, doomed: [layer] }],
    ['what was condemned by a clock ahead', [[layer, found(false, 500, -1)]], { ...nothing, condemn: [layer] }],
  ] satisfies [string, [Digest, FoundLink][], object][])('decides about %s', (_, links, expected) => {
    expect(plan(links)).toEqual(expected)
  })

  it('pardons what is needed again', () => {
    const links: [Digest, FoundLink][] = [
      [image, found(true, 500, 500)],
      [layer, found(false, 500, 500)],
    ]
    expect(plan(links, { roots: [image] })).toEqual({ ...nothing, pardon: [image, layer] })
  })

  it('keeps what a new manifest needs, though nothing names that yet', () => {
    const links: [Digest, FoundLink][] = [
      [image, found(true, 5)],
      [layer, found(false, 5000)],
    ]
    expect(plan(links)).toEqual({ ...nothing, untagged: [image] })
    expect(plan(links, { roots: [image] })).toEqual(nothing)
  })

  it('takes no blob from a repository that is pushed to', () => {
    const links: [Digest, FoundLink][] = [
      [image, found(true, 5000, 500)],
      [layer, found(false, 5000, 500)],
      [signature, found(false, 5000)],
    ]
    expect(plan(links, { isPushedTo: true })).toEqual({ ...nothing, pardon: [layer], doomed: [image] })
  })

  it('dooms all that no root reaches once, parents before their parts but in a circle', () => {
    const names = fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(
        names,
        fc.array(fc.tuple(fc.nat(30), fc.nat(30))),
        fc.array(fc.nat(30), { maxLength: 3 }),
        (numbers, pairs, rootNumbers) => {
          const links = new Map(numbers.map((n) => [digest(String(n)), found(true, 5000, 500)]))
          const graph = new Map<Digest, Digest[]>()
          for (const [a, b] of pairs) {
            const [from, to] = [digest(String(a)), digest(String(b))]
            graph.set(from, [...(graph.get(from) ?? []), to])
          }
          const roots = rootNumbers.map((n) => digest(String(n)))
          const { doomed, pardon } = plan([...links], { edges: graph, roots })
          const kept = closureOf(roots, graph)
          expect(doomed.toSorted()).toEqual([...links.keys()].filter((one) => !kept.has(one)).toSorted())
          expect(new Set(pardon)).toEqual(new Set([...links.keys()].filter((one) => kept.has(one))))
          for (const [from, parts] of graph) {
            for (const part of parts) {
              if (doomed.includes(from) && doomed.includes(part) && !closureOf([part], graph).has(from)) {
                expect(doomed.indexOf(from)).toBeLessThan(doomed.indexOf(part))
              }
            }
          }
        },
      ),
    )
  })

  it('orders a chain that is longer than a stack is high', () => {
    const chain = Array.from({ length: 20_000 }, (_, n) => digest(String(n)))
    const chained = new Map(chain.slice(1).map((next, n) => [chain[n]!, [next]]))
    const links = chain.toReversed().map((one): [Digest, FoundLink] => [one, found(true, 5000, 500)])
    expect(plan(links, { edges: chained }).doomed).toEqual(chain)
  })
})

import { expect, it } from 'vitest'
import { readNodes } from './cluster-wishes.ts'
import type { KubeObject } from './kube-object.ts'

const objects = (nodes: Readonly<Record<string, Readonly<Record<string, string>>>>): Map<string, KubeObject> =>
  new Map(
    Object.entries(nodes).map(([name, labels]) => {
      const metadata = { name, labels, uid: `uid-${name}`, resourceVersion: '1' }
      return [name, { apiVersion: 'stowage.dev/v1alpha1', kind: 'EdgeNode', metadata }]
    }),
  )
const namesOf = (...[edgeNodes, nodes]: Parameters<typeof readNodes>): string[] =>
  readNodes(edgeNodes, nodes).items.map(({ name }) => name)

it('takes Nodes and EdgeNodes as one where they have one name, with the labels of both', () => {
  const { items } = readNodes(
    objects({ a: { zone: 'edge', own: 'yes' } }),
    objects({ a: { zone: 'node', arch: 'x' }, b: {} }),
  )
  expect(items).toEqual([
    { name: 'a', labels: { zone: 'edge', own: 'yes', arch: 'x' } },
    { name: 'b', labels: {} },
  ])
})

it('is the same object for what reads as it did before', () => {
  const nodes = { a: { zone: 'edge' }, b: {} }
  const { items } = readNodes(objects(nodes), objects({}))
  expect(readNodes(objects(nodes), objects({}), items).items).toBe(items)
  const [a, b] = readNodes(objects({ a: { zone: 'other' }, b: {} }), objects({}), items).items
  expect(a).toEqual({ name: 'a', labels: { zone: 'other' } })
  expect(b).toBe(items[1])
  expect(readNodes(objects({ a: { zone: 'edge' } }), objects({}), items).items).toEqual([items[0]])
})

it('leaves out Nodes on which no agent can or shall run, unless one does', () => {
  const nodes = objects({
    linux: { 'kubernetes.io/os': 'linux' },
    windows: { 'kubernetes.io/os': 'windows' },
    none: { 'stowage.dev/agent': 'none' },
    other: { 'stowage.dev/agent': 'soon' },
  })
  expect(namesOf(objects({}), nodes)).toEqual(['linux', 'other'])
  expect(namesOf(objects({ none: {} }), nodes)).toEqual(['none', 'linux', 'other'])
})

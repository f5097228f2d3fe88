import { expect, it } from 'vitest'
import type { KubeObject } from './kube-object.ts'
import { createNodeReader, type ReadNodes } from './node-reader.ts'

const objects = (nodes: Readonly<Record<string, Readonly<Record<string, string>>>>): Map<string, KubeObject> =>
  new Map(
    Object.entries(nodes).map(([name, labels]) => {
      const metadata = { name, labels, uid: `uid-${name}`, resourceVersion: '1' }
      return [name, { apiVersion: 'stowage.dev/v1alpha1', kind: 'EdgeNode', metadata }]
    }),
  )
const readNodes = (...maps: Parameters<ReturnType<typeof createNodeReader>>): ReadNodes => createNodeReader()(...maps)
const namesOf = (...maps: Parameters<typeof readNodes>): string[] => readNodes(...maps).items.map(({ name }) => name)

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
  const read = createNodeReader()
  const { items } = read(objects({ a: { zone: 'edge' }, b: {} }), objects({}))
  expect(read(objects({ a: { zone: 'edge' }, b: {} }), objects({})).items).toBe(items)
  const [a, b] = read(objects({ a: { zone: 'other' }, b: {} }), objects({})).items
  expect(a).toEqual({ name: 'a', labels: { zone: 'other' } })
  expect(b).toBe(items[1])
  expect(read(objects({ b: {} }), objects({})).items).toEqual([items[1]])
})

it('says what of an EdgeNode could not be taken, at each look', () => {
  const read = createNodeReader()
  const wrong = objects({ a: {} })
  Object.assign(wrong.get('a') ?? {}, { spec: { colour: 'red' } })
  for (const { items, problems } of [read(wrong, objects({})), read(wrong, objects({}))]) {
    expect(items).toEqual([{ name: 'a', labels: {} }])
    expect(problems).toMatchObject([{ severity: 'error', file: 'EdgeNode a' }])
  }
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

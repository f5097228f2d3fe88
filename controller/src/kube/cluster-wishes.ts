import { isDeepStrictEqual } from 'node:util'
import { edgeNodeSchema, toEdgeNode, type EdgeNode } from '../api/edge-node.ts'
import { fieldProblems, type FieldProblem } from '../api/field-problem.ts'
import type { ImageCache } from '../api/image-cache.ts'
import type { SourceProblem } from '../sources/wish-source.ts'
import { isDeleting } from './fold-objects.ts'
import type { CacheObject } from './image-cache-objects.ts'
import type { KubeObject } from './kube-object.ts'

/** What a cluster wants of one kind of object, and what of it could not be taken as it is. */
export interface Read<T> {
  readonly items: readonly T[]
  readonly problems: readonly SourceProblem[]
}

/** What is in force of the ImageCaches, by key. Those that are being deleted are wanted no more. */
export function cachesInForce(caches: ReadonlyMap<string, CacheObject>): Map<string, ImageCache> {
  const wanted = [...caches].filter(([, { object }]) => !isDeleting(object))
  return new Map(wanted.flatMap(([key, { good }]) => (good ? [[key, good.cache] as const] : [])))
}

export function cacheProblems(caches: ReadonlyMap<string, CacheObject>): SourceProblem[] {
  return [...caches].flatMap(([key, { problems }]) =>
    problems.map(({ field, message }): SourceProblem => {
      return { severity: 'error', file: `ImageCache ${key}`, field, message, caches: [key] }
    }),
  )
}

/** On a Node, `none` says that no agent shall run there: no cache waits for it. */
const agentLabel = 'stowage.dev/agent'

/**
 * The EdgeNodes and the Nodes, whether an agent runs on them or not: one for each name, with the labels of both. Those of the
 * EdgeNode win. Nodes on which no agent can or shall run are left out. What reads as it did before is the same object.
 */
export function readNodes(
  edgeNodes: ReadonlyMap<string, KubeObject>,
  nodes: ReadonlyMap<string, KubeObject>,
  before: readonly EdgeNode[] = [],
): Read<EdgeNode> {
  const read = [...edgeNodes.values()].map(readEdgeNode)
  const own = new Map(read.map(({ node }) => [node.name, node.labels]))
  const names = new Set([
    ...own.keys(),
    ...[...nodes.values()].filter(mayHaveAgent).map(({ metadata }) => metadata.name),
  ])
  const known = new Map(before.map((node) => [node.name, node]))
  const items = [...names].map((name): EdgeNode => {
    const node = { name, labels: { ...nodes.get(name)?.metadata.labels, ...own.get(name) } }
    const old = known.get(name)
    return old && isDeepStrictEqual(old, node) ? old : node
  })
  const isAsBefore = items.length === before.length && items.every((node, index) => node === before[index])
  return { items: isAsBefore ? before : items, problems: read.flatMap(({ problems }) => problems) }
}

function mayHaveAgent({ metadata: { labels = {} } }: KubeObject): boolean {
  return labels[agentLabel] !== 'none' && (labels['kubernetes.io/os'] ?? 'linux') === 'linux'
}

interface ReadEdgeNode {
  readonly node: EdgeNode
  readonly problems: readonly SourceProblem[]
}

const readBefore = new WeakMap<KubeObject, ReadEdgeNode>()

function readEdgeNode(object: KubeObject): ReadEdgeNode {
  const known = readBefore.get(object)
  if (known) return known
  const { name, labels = {} } = object.metadata
  const result = edgeNodeSchema.safeParse(object)
  const read: ReadEdgeNode = result.success
    ? { node: toEdgeNode(result.data), problems: [] }
    : { node: { name, labels }, problems: fieldProblems(result.error).map((problem) => problemOf(name, problem)) }
  readBefore.set(object, read)
  return read
}

function problemOf(name: string, { field, message }: FieldProblem): SourceProblem {
  return { severity: 'error', file: `EdgeNode ${name}`, field, message }
}

import { isDeepStrictEqual } from 'node:util'
import { edgeNodeSchema, toEdgeNode, type EdgeNode } from '../api/edge-node.ts'
import { fieldProblems, type FieldProblem } from '../api/field-problem.ts'
import { sameItems } from '../same-items.ts'
import type { SourceProblem } from '../sources/wish-source.ts'
import type { KubeObject } from './kube-object.ts'

/** What a cluster says of nodes, and what of that could not be taken as it is. */
export interface ReadNodes {
  readonly items: readonly EdgeNode[]
  readonly problems: readonly SourceProblem[]
}

type Objects = ReadonlyMap<string, KubeObject>

/**
 * Reads the EdgeNodes and the Nodes, both by name, whether an agent runs on them or not: one for each name, with the labels of
 * both. Those of the EdgeNode win. Nodes on which no agent can or shall run are left out. What reads as it did before is the
 * same object, one node and all of them together.
 */
export function createNodeReader(): (edgeNodes: Objects, nodes: Objects) => ReadNodes {
  let known = new Map<string, Known>()
  let items: readonly EdgeNode[] = []

  return (edgeNodes, nodes) => {
    const next = new Map<string, Known>()
    for (const name of [edgeNodes, nodes].flatMap((some) => [...some.keys()])) {
      if (!next.has(name)) next.set(name, readAgain(known.get(name), edgeNodes.get(name), nodes.get(name)))
    }
    known = next
    const read = [...next.values()]
    const nodesNow = read.flatMap(({ item }) => item ?? [])
    if (!sameItems(nodesNow, items)) items = nodesNow
    return { items, problems: read.flatMap(({ problems }) => problems) }
  }
}

interface Known {
  readonly edgeNode: KubeObject | undefined
  readonly node: KubeObject | undefined
  /** Undefined if no agent can or shall run there. */
  readonly item: EdgeNode | undefined
  readonly problems: readonly SourceProblem[]
}

function readAgain(before: Known | undefined, edgeNode: Known['edgeNode'], node: Known['node']): Known {
  if (before && before.edgeNode === edgeNode && before.node === node) return before
  const read = { edgeNode, node, ...readOne(edgeNode, node) }
  return isDeepStrictEqual(before?.item, read.item) ? { ...read, item: before?.item } : read
}

function readOne(edgeNode: Known['edgeNode'], node: Known['node']): Pick<Known, 'item' | 'problems'> {
  const labels = node?.metadata.labels
  if (edgeNode) {
    const { node: own, problems } = readEdgeNode(edgeNode)
    return { item: { name: own.name, labels: { ...labels, ...own.labels } }, problems }
  }
  const isOne = node !== undefined && mayHaveAgent(node)
  return { item: isOne ? { name: node.metadata.name, labels: { ...labels } } : undefined, problems: [] }
}

/** On a Node, `none` says that no agent shall run there: no cache waits for it. */
const agentLabel = 'stowage.dev/agent'

function mayHaveAgent({ metadata: { labels = {} } }: KubeObject): boolean {
  return labels[agentLabel] !== 'none' && (labels['kubernetes.io/os'] ?? 'linux') === 'linux'
}

function readEdgeNode(object: KubeObject): { readonly node: EdgeNode; readonly problems: readonly SourceProblem[] } {
  const { name, labels = {} } = object.metadata
  const result = edgeNodeSchema.safeParse(object)
  if (result.success) return { node: toEdgeNode(result.data), problems: [] }
  return { node: { name, labels }, problems: fieldProblems(result.error).map((problem) => problemOf(name, problem)) }
}

function problemOf(name: string, { field, message }: FieldProblem): SourceProblem {
  return { severity: 'error', file: `EdgeNode ${name}`, field, message }
}

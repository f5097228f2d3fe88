import { isDeepStrictEqual } from 'node:util'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { EdgeNode } from '../api/edge-node.ts'
import type { NodeRecord } from '../memory/node-record.ts'
import type { KnownNode } from './known-node.ts'
import { heardBy, type Listening } from './reachable.ts'

export interface KnownNodesInput {
  /** Of the nodes that were heard of, by name. */
  readonly records: ReadonlyMap<string, NodeRecord>
  readonly declared: readonly EdgeNode[]
  readonly listening: Listening
}

/**
 * Makes all nodes, by name, from one look to the next: a node of which nothing is new is the same object. Declared labels win
 * over those that an agent proposes.
 */
export function createKnownNodes(): (input: KnownNodesInput) => readonly KnownNode[] {
  let of: readonly EdgeNode[] = []
  let heard: ReadonlySet<string> = new Set()
  let labels: ReadonlyMap<string, Labels> = new Map()
  let names: readonly string[] = []
  const known = new Map<string, Known>()

  function hasOthers({ records, declared }: KnownNodesInput): boolean {
    return declared !== of || records.size !== heard.size || !records.keys().every((name) => heard.has(name))
  }

  function learnNames({ records, declared }: KnownNodesInput): void {
    of = declared
    heard = new Set(records.keys())
    labels = new Map(declared.map((node) => [node.name, node.labels]))
    names = [...new Set([...heard, ...labels.keys()])].toSorted()
    for (const name of known.keys()) if (!heard.has(name) && !labels.has(name)) known.delete(name)
  }

  return (input) => {
    if (hasOthers(input)) learnNames(input)
    return names.map((name) => {
      const parts = { record: input.records.get(name), listening: input.listening, own: labels.get(name) }
      const before = known.get(name)
      if (before && isSame(before, parts)) return before.node
      const node = nodeOf(name, parts, before)
      known.set(name, { ...parts, node })
      return node
    })
  }
}

type Labels = KnownNode['labels']

const nothing: Labels = {}

/** What a node is made of. */
interface Parts {
  readonly record: NodeRecord | undefined
  readonly listening: Listening
  /** Undefined for a node that is not declared. */
  readonly own: Labels | undefined
}

interface Known extends Parts {
  readonly node: KnownNode
}

function isSame(one: Parts, other: Parts): boolean {
  return one.record === other.record && one.listening === other.listening && one.own === other.own
}

function nodeOf(name: string, { record, listening, own = nothing }: Parts, before: Known | undefined): KnownNode {
  if (!record) return { name, labels: own, platform: platformOf(own), heard: undefined }
  const labels = { ...record.report.labels, ...own }
  const isRelabelled = !before || !isDeepStrictEqual(before.node.labels, labels)
  const heard = heardBy(record, listening)
  return { name, labels: isRelabelled ? labels : before.node.labels, platform: record.report.platform, heard }
}

function platformOf(labels: Labels): Platform | undefined {
  const os = labels['kubernetes.io/os']
  const architecture = labels['kubernetes.io/arch']
  return os && architecture ? { os, architecture } : undefined
}

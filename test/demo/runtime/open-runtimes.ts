import path from 'node:path'
import { DemoFailure } from '../demo-failure.ts'
import type { Stage } from '../stage.ts'
import { openContainerdNode } from './containerd-node.ts'
import type { ContentOf } from './contents.ts'
import { layoutNode } from './layout-node.ts'
import type { NodeRuntime, NodeRuntimes, RuntimeKind } from './node-runtime.ts'
import { whyNoContainerd } from './why-no-containerd.ts'

export interface OpenRuntimesOptions {
  readonly stage: Stage
  /** Undefined: containerd where it can be used. */
  readonly wish: RuntimeKind | undefined
  readonly nodes: readonly string[]
  readonly contentOf: ContentOf
}

/**
 * Gives each node a runtime, all of one kind.
 * @throws DemoFailure if containerd is wished for and cannot be used
 */
export async function openRuntimes(options: OpenRuntimesOptions): Promise<NodeRuntimes> {
  const { stage, wish } = options
  if (wish === 'layout') return layouts(options, 'as asked for')
  const reason = await whyNoContainerd(stage.directory.path)
  if (reason === undefined) return containerds(options)
  if (wish === undefined) return layouts(options, `not in containerd: ${reason}`)
  throw new DemoFailure(`containerd cannot be used here: ${reason}`)
}

function layouts({ stage, nodes }: OpenRuntimesOptions, reason: string): NodeRuntimes {
  const opened = nodes.map((node): [string, NodeRuntime] => [
    node,
    layoutNode(path.join(stage.directory.path, node, 'images')),
  ])
  return runtimes('layout', `OCI image layouts (${reason})`, new Map(opened))
}

async function containerds({ stage, nodes, contentOf }: OpenRuntimesOptions): Promise<NodeRuntimes> {
  const opening = nodes.map((node) => openContainerdNode({ stage, node, contentOf }))
  await Promise.allSettled(opening) // None is still starting when the stage is closed.
  const opened = await Promise.all(opening).catch((cause: unknown) => {
    throw new DemoFailure('containerd does not start; with --runtime layout the demo does without', { cause })
  })
  const words = `containerd ${opened[0]?.version}, one for each node`
  return runtimes('containerd', words, new Map(nodes.map((node, at) => [node, opened[at]!])))
}

function runtimes(kind: RuntimeKind, words: string, byNode: ReadonlyMap<string, NodeRuntime>): NodeRuntimes {
  return {
    kind,
    words,
    of(node) {
      const runtime = byNode.get(node)
      if (!runtime) throw new Error(`no runtime was opened for ${node}`)
      return runtime
    },
  }
}

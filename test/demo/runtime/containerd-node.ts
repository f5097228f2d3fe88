import { rename } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startContainerd } from '../../harness/containerd/start-containerd.ts'
import { DemoFailure } from '../demo-failure.ts'
import type { Stage } from '../stage.ts'
import type { ContentOf } from './contents.ts'
import type { NodeRuntime } from './node-runtime.ts'
import { watchContainerd } from './watch-containerd.ts'

export interface ContainerdNodeOptions {
  readonly stage: Stage
  readonly node: string
  readonly contentOf: ContentOf
}

/** A node with a containerd of its own. */
export interface ContainerdNode extends NodeRuntime {
  /** Such as 1.6.20. */
  readonly version: string
}

const interruptHeardMs = 500

/**
 * Starts a containerd, which runs until the stage is closed; what it said is kept beside the other logs.
 * @throws Error with its last words if it does not come up
 */
export async function openContainerdNode({ stage, node, contentOf }: ContainerdNodeOptions): Promise<ContainerdNode> {
  const directory = path.join(stage.directory.path, node, 'containerd')
  const log = `${node}-containerd`
  stage.sweeper.leave(directory)
  const containerd = await startContainerd({ directory }).catch((error: unknown) => {
    stage.sweeper.take(directory)
    throw error
  })
  const watches = new Set<AsyncDisposable>()
  let isWanted = true
  void containerd.program().exited.then(async ({ code, signal }) => {
    // A Ctrl-C in the terminal reaches it too, and its end may be heard of before that.
    await delay(interruptHeardMs, undefined, { ref: false })
    const how = signal ?? `code ${code}`
    if (isWanted) stage.fail(new DemoFailure(`the containerd of ${node} ended by itself with ${how}`, { program: log }))
  })
  stage.keep(async () => {
    isWanted = false
    for (const watch of watches) await watch[Symbol.asyncDispose]()
    await containerd.stop()
    stage.sweeper.take(directory)
    await rename(containerd.files.log, stage.directory.logOf(log))
  })
  return {
    place: `containerd:${containerd.files.socket}`,
    version: containerd.programs.version,
    watch() {
      const watch = watchContainerd(containerd, { contentOf, signal: stage.signal })
      watches.add(watch)
      return watch
    },
  }
}

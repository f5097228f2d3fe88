import { stat } from 'node:fs/promises'
import path from 'node:path'
import { formatBytes, formatDuration } from 'stowage/print/format'
import type { Cast } from './cast.ts'
import { cacheName } from './centre.ts'
import type { NodeRuntime } from './runtime/node-runtime.ts'
import { island } from './site-plan.ts'

/** A node without a link, after a file was carried to it. */
export interface Island {
  readonly name: string
  readonly place: typeof island.place
  readonly runtime: NodeRuntime
  readonly tookMs: number
}

/** Writes everything wanted into one file, and puts it onto a node that has no link. */
export async function bundleToIsland({ stage, centre, runtimes }: Cast): Promise<Island> {
  const { directory, screen } = stage
  const file = path.join(directory.path, 'demo.stowage.tar')
  const runtime = runtimes.of(island.name)
  const startedAt = performance.now()
  await stage.run('bundle-export', [
    'bundle',
    'export',
    '--cache',
    `default/${cacheName}`,
    '--central',
    centre.url,
    '-o',
    file,
  ])
  const { size } = await stat(file)
  screen.say(`everything wanted is in one file of ${formatBytes(size)}, to be carried to ${island.name}`)
  const data = path.join(directory.path, island.name, 'data')
  const target = ['--data', data, '--runtime', runtime.place]
  await stage.run('bundle-import', ['bundle', 'import', file, ...target])
  const tookMs = performance.now() - startedAt
  screen.say(`${island.name} has imported it: file written and read in ${formatDuration(tookMs)}`)
  return { ...island, runtime, tookMs }
}

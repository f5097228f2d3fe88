import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { spawnStowage } from './stowage.ts'
import { startRestartable, type Restartable } from './restartable.ts'
import type { SpawnOptions } from './spawned.ts'

export interface AgentOptions {
  /** Holds `data/`, the layout and the log; what an earlier agent left there is gone on with. */
  readonly directory: string
  /** URL of the centre, or of the link to it. */
  readonly central: string
  /** Default: `node-1`. */
  readonly node?: string
  /** Default: `layout:` and a folder in the directory. */
  readonly runtime?: string
  readonly labels?: Readonly<Record<string, string>>
  /** More flags of `stowage agent`. */
  readonly flags?: readonly string[]
  readonly env?: NonNullable<SpawnOptions['env']>
  /** What it is started by; see `SpawnStowageOptions`. */
  readonly launcher?: readonly string[]
}

/** `stowage agent`, in contact with the centre every second. */
export interface Agent extends Restartable {
  readonly node: string
  readonly data: string
  /** Its runtime, unless another one was named: an OCI layout. */
  readonly layout: string
  /** Where half-fetched blobs lie. */
  readonly parts: string
}

/** Flags of an agent that is not taken for silent however busy the machine is; what it has to tell, it tells at once. */
export const neverLate = ['--contact-every', '15s'] as const

/** Starts an agent. It need not reach the centre; this does not wait for that. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { directory, central, node = 'node-1', labels = {}, flags = [], env = {}, launcher = [] } = options
  const [data, layout] = [path.join(directory, 'data'), path.join(directory, 'images')]
  const { runtime = `layout:${layout}` } = options
  await mkdir(directory, { recursive: true })
  const who = ['--node', node, ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`])]
  const where = ['--data', data, '--runtime', runtime]
  const args = [
    '--log-format',
    'json',
    'agent',
    '--central',
    central,
    ...who,
    ...where,
    '--contact-every',
    '1s',
    ...flags,
  ]
  const outputFile = path.join(directory, 'agent.log')
  const agent = await startRestartable(
    () => spawnStowage(args, { outputFile, env, launcher }),
    () => Promise.resolve(),
  )
  return { ...agent, node, data, layout, parts: path.join(data, 'parts') }
}

import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from './free-port.ts'
import { spawnStowage } from './stowage.ts'
import { startRestartable, type Restartable } from './restartable.ts'
import type { SpawnOptions } from './spawned.ts'

export interface CentreOptions {
  /** Holds `caches/`, `data/` and the log; what an earlier centre left there is gone on with. */
  readonly directory: string
  /** More flags of `stowage up`. */
  readonly flags?: readonly string[]
  readonly env?: NonNullable<SpawnOptions['env']>
  /** Default: 127.0.0.1. */
  readonly listenHost?: string
  /** Default: any free one. */
  readonly port?: number
  /** What it is started by; see `SpawnStowageOptions`. */
  readonly launcher?: readonly string[]
}

/** `stowage up`. It comes back on the port that it had. */
export interface Centre extends Restartable {
  /** On 127.0.0.1, without a slash at its end. */
  readonly url: string
  /** Where its wishes are: a directory of YAML. */
  readonly caches: string
  readonly data: string
}

/**
 * Starts a centre and waits until it listens.
 * @throws Error with its last words if it does not come up
 */
export async function startCentre(options: CentreOptions): Promise<Centre> {
  const { directory, flags = [], env = {}, listenHost = '127.0.0.1', launcher = [] } = options
  const { port = await freePort() } = options
  const [caches, data] = [path.join(directory, 'caches'), path.join(directory, 'data')]
  const listen = `${listenHost}:${port}`
  await mkdir(caches, { recursive: true })
  const args = ['--log-format', 'json', 'up', '--caches', caches, '--data', data, '--listen', listen, ...flags]
  const outputFile = path.join(directory, 'centre.log')
  const centre = await startRestartable(
    () => spawnStowage(args, { outputFile, env, launcher }),
    (program) => program.waitForLine(/"msg":"listening"/),
  )
  return { ...centre, url: `http://127.0.0.1:${port}`, caches, data }
}

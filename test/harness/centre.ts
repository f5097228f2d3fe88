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
}

/** `stowage up` on loopback. It comes back on the port that it had. */
export interface Centre extends Restartable {
  /** Without a slash at its end. */
  readonly url: string
  /** Where its wishes are: a directory of YAML. */
  readonly caches: string
  readonly data: string
}

/**
 * Starts a centre and waits until it listens.
 * @throws Error with its last words if it does not come up
 */
export async function startCentre({ directory, flags = [], env = {} }: CentreOptions): Promise<Centre> {
  const [caches, data] = [path.join(directory, 'caches'), path.join(directory, 'data')]
  const listen = `127.0.0.1:${await freePort()}`
  await mkdir(caches, { recursive: true })
  const args = ['--log-format', 'json', 'up', '--caches', caches, '--data', data, '--listen', listen, ...flags]
  const outputFile = path.join(directory, 'centre.log')
  const centre = await startRestartable(
    () => spawnStowage(args, { outputFile, env }),
    (program) => program.waitForLine(/"msg":"listening"/),
  )
  return { ...centre, url: `http://${listen}`, caches, data }
}

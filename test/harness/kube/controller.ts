import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../free-port.ts'
import { startRestartable, type Restartable } from '../restartable.ts'
import type { SpawnOptions, Spawned } from '../spawned.ts'
import { spawnStowage } from '../stowage.ts'

export interface ControllerOptions {
  /** Holds `data/` and the log; what an earlier controller left there is gone on with. */
  readonly directory: string
  readonly kubeconfig: string
  /** More flags of `stowage controller`. */
  readonly flags?: readonly string[]
  /** Starts `stowage` with these arguments; default: from its sources. */
  readonly spawn?: (args: readonly string[], options: SpawnOptions) => Spawned
}

/** `stowage controller`. It comes back on the port that it had. */
export interface Controller extends Restartable {
  /** Without a slash at its end. */
  readonly url: string
}

/** Starts a centre in a cluster and waits until it listens. The cluster need not be there. */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const { directory, kubeconfig, flags = [], spawn = spawnStowage } = options
  const listen = `127.0.0.1:${await freePort()}`
  await mkdir(directory, { recursive: true })
  const where = ['--kubeconfig', kubeconfig, '--data', path.join(directory, 'data'), '--listen', listen, ...flags]
  const outputFile = path.join(directory, 'controller.log')
  const controller = await startRestartable(
    () => spawn(['--log-format', 'json', 'controller', ...where], { outputFile }),
    (program) => program.waitForLine(/"msg":"listening"/),
  )
  return { ...controller, url: `http://${listen}` }
}

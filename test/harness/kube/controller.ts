import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../free-port.ts'
import { startRestartable, type Restartable } from '../restartable.ts'
import { spawnStowage } from '../stowage.ts'

export interface ControllerOptions {
  /** Holds `data/` and the log; what an earlier controller left there is gone on with. */
  readonly directory: string
  readonly kubeconfig: string
}

/** `stowage controller`. It comes back on the port that it had. */
export interface Controller extends Restartable {
  /** Without a slash at its end. */
  readonly url: string
}

/** Starts a centre in a cluster and waits until it listens. The cluster need not be there. */
export async function startController({ directory, kubeconfig }: ControllerOptions): Promise<Controller> {
  const listen = `127.0.0.1:${await freePort()}`
  await mkdir(directory, { recursive: true })
  const where = ['--kubeconfig', kubeconfig, '--data', path.join(directory, 'data'), '--listen', listen]
  const outputFile = path.join(directory, 'controller.log')
  const controller = await startRestartable(
    () => spawnStowage(['--log-format', 'json', 'controller', ...where], { outputFile }),
    (program) => program.waitForLine(/"msg":"listening"/),
  )
  return { ...controller, url: `http://${listen}` }
}

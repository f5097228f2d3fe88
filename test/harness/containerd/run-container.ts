import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { eventually } from '../eventually.ts'
import { pauseImageName } from './containerd-config.ts'
import type { CriContainerStatus, CriExecuted, CriPodConfig } from './cri-messages.ts'
import { importPauseImage } from './pause-image.ts'
import type { Containerd } from './start-containerd.ts'

export interface RunContainerOptions {
  /** A name that CRI knows; it is not pulled. */
  readonly image: string
  /** Instead of the image's entry point and command. */
  readonly command?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Default: `node`, the network that containerd is in; `own` needs `requirePart('cni')`. */
  readonly network?: 'node' | 'own'
}

/** A container in a pod of its own; disposing removes both. */
export interface RunningContainer extends AsyncDisposable {
  readonly id: string
  readonly podId: string
  /** All that it printed so far, on stdout and stderr. */
  output(): Promise<string>
  status(): Promise<CriContainerStatus>
  /** Waits until it ends by itself; resolves with its exit code. */
  exited(): Promise<number>
  exec(...command: string[]): Promise<CriExecuted>
  /** Kills it; container and pod stay in the lists. */
  stop(): Promise<void>
  /** Removes container and pod, also those that run; nothing happens if it was done. */
  remove(): Promise<void>
}

/**
 * Starts a container as the kubelet does, through CRI. Imports the pause image if it is not there: tests that call it
 * need `requirePart('busybox')`.
 * @throws ServiceError of gRPC, if CRI does not know the image among others
 */
export async function runContainer(containerd: Containerd, options: RunContainerOptions): Promise<RunningContainer> {
  const { cri, files } = containerd
  if ((await cri.imageStatus(pauseImageName)) === undefined) await importPauseImage(containerd)
  const uid = randomUUID()
  const podConfig = podConfigOf({ uid, logDirectory: files.podLogs, network: options.network ?? 'node' })
  const podId = await cri.runPodSandbox(podConfig)
  let isRemoved = false
  const remove = async (): Promise<void> => {
    if (isRemoved) return
    await cri.stopPodSandbox(podId)
    await cri.removePodSandbox(podId) // And the containers in it.
    isRemoved = true
  }
  try {
    const logPath = `${uid}.log`
    const id = await cri.createContainer(podId, containerConfigOf(options, { logPath, podConfig }), podConfig)
    await cri.startContainer(id)
    const status = (): Promise<CriContainerStatus> => cri.containerStatus(id)
    const hasExited = async (): Promise<boolean> => (await status()).state === 'CONTAINER_EXITED'
    return {
      id,
      podId,
      output: async () => printedIn(await readFile(path.join(files.podLogs, logPath), 'utf8')),
      status,
      async exited() {
        await eventually(hasExited, { what: 'the end of the container', withinMs: 60_000 })
        return (await status()).exitCode
      },
      exec: (...command) => cri.execSync(id, command),
      stop: () => cri.stopContainer(id, 0),
      remove,
      [Symbol.asyncDispose]: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

interface PodOptions {
  readonly uid: string
  readonly logDirectory: string
  readonly network: 'node' | 'own'
}

function podConfigOf({ uid, logDirectory, network }: PodOptions): CriPodConfig {
  const name = `pod-${uid}`
  return {
    metadata: { name, namespace: 'default', uid },
    hostname: network === 'own' ? name : '',
    logDirectory,
    linux: {
      securityContext: {
        namespaceOptions: { network: network === 'own' ? 'POD' : 'NODE', pid: 'CONTAINER', ipc: 'POD' },
      },
    },
  }
}

function containerConfigOf(
  { image, command = [], env = {} }: RunContainerOptions,
  { logPath, podConfig }: { logPath: string; podConfig: CriPodConfig },
) {
  return {
    metadata: { name: 'test' },
    image: { image },
    command,
    args: [],
    envs: Object.entries(env).map(([key, value]) => ({ key, value })),
    logPath,
    linux: podConfig.linux,
  }
}

/** CRI puts time, stream and F or P, for a full line or a part of one, before what was printed. */
function printedIn(log: string): string {
  const lines = log
    .trimEnd()
    .split('\n')
    .map((line) => /^\S+ \S+ ([FP]) ?(.*)$/s.exec(line))
  return lines.map((found) => (found ? `${found[2]}${found[1] === 'F' ? '\n' : ''}` : '')).join('')
}

import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { startGuard } from '../guard.ts'
import { startRestartable, type Restartable } from '../restartable.ts'
import { spawnProgram, type Spawned } from '../spawned.ts'
import { cniConfig, containerdConfig, containerdFiles, type ContainerdFiles } from './containerd-config.ts'
import { containerdPrograms, type ContainerdPrograms, type ContainerdRelease } from './containerd-release.ts'
import { untilAnswers } from '../until-answers.ts'
import { openCriClient, type CriClient } from './cri-client.ts'
import { sweepContainerd } from './sweep-containerd.ts'

export interface ContainerdOptions {
  /** Holds all its files; what an earlier one left there is gone on with. Short: a socket's path has 108 bytes at most. */
  readonly directory: string
  /** Default: `containerd`, the machine's own. */
  readonly release?: ContainerdRelease
  /** What containerd and ctr are started by, such as that of a network namespace; it must become the program, not run it. */
  readonly launcher?: readonly string[]
  /** Of pods with a network of their own. Default: 10.97.0.0/24. */
  readonly podSubnet?: string
}

/**
 * A containerd of a test, with CRI and with nothing of the machine's own in it. `kill` ends the daemon alone, `stop` and
 * disposing end its containers too and leave only its files.
 */
export interface Containerd extends Restartable {
  readonly files: ContainerdFiles
  readonly programs: ContainerdPrograms
  readonly cri: CriClient
  /** Runs `ctr` of the same release against it, in the namespace k8s.io unless `--namespace` comes first. */
  ctr(...args: string[]): Promise<string>
}

/**
 * Starts containerd and waits until CRI answers. Tests that call it need the part that is named as the release.
 * @throws Error with its last words if it does not come up
 */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const { directory, release = 'containerd', launcher = [], podSubnet = '10.97.0.0/24' } = options
  const programs = await containerdPrograms(release)
  const files = containerdFiles(directory)
  for (const folder of [directory, files.certs, files.cni, files.podLogs]) await mkdir(folder, { recursive: true })
  await writeFile(files.config, containerdConfig({ files, major: programs.major }))
  await writeFile(path.join(files.cni, '10-ptp.conflist'), cniConfig({ files, subnet: podSubnet }))

  const inNode = (program: string, args: readonly string[]): [string, string[]] => {
    const [command = '', ...rest] = [...launcher, path.join(programs.directory, program), ...args]
    return [command, rest]
  }
  const begin = (): Spawned => {
    // runc lies in /usr/sbin.
    const env = { PATH: [programs.directory, process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(path.delimiter) }
    const name = `containerd ${programs.version}`
    return spawnProgram(...inNode('containerd', ['--config', files.config]), { name, env, outputFile: files.log })
  }
  const cri = openCriClient(files.socket)
  const guard = startGuard(path.join(import.meta.dirname, 'sweep-abandoned.ts'), [directory])
  // Its list is not answered before CRI knows what it had.
  const daemon = await startRestartable(begin, (program) => untilAnswers(program, () => cri.listImages())).catch(
    async (error: unknown) => {
      await end()
      throw error
    },
  )
  async function end(): Promise<void> {
    cri[Symbol.dispose]()
    await sweepContainerd(directory)
    await guard.dismiss()
  }
  const stop: Restartable['stop'] = async () => {
    const exit = await daemon.stop()
    await end()
    return exit
  }
  return {
    ...daemon,
    files,
    programs,
    cri,
    async ctr(...args) {
      const env = { CONTAINERD_ADDRESS: files.socket, CONTAINERD_NAMESPACE: 'k8s.io' }
      return (await execa(...inNode('ctr', args), { env })).stdout
    },
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  }
}

import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import type { Containerd } from '../containerd/start-containerd.ts'
import type { Programs } from '../programs.ts'
import { startRestartable, type Restartable } from '../restartable.ts'
import { untilAnswers } from '../until-answers.ts'
import { clusterCommands, nodeName } from './cluster-commands.ts'
import type { ClusterFiles } from './cluster-files.ts'
import { kubeletConfig } from './kubelet-config.ts'
import { cgroupOf, makeCgroup } from './own-cgroup.ts'

interface KubeletOptions {
  readonly files: ClusterFiles
  readonly containerd: Containerd
  readonly programs: Programs
  readonly launcher: readonly [string, ...string[]]
  readonly kubectl: (...args: string[]) => Promise<string>
}

/** The kubelet of a cluster. */
export interface Kubelet extends Restartable {
  /** Restarts it; see `forceImageGc` for what it does on a full disk. On any other it removes no image. */
  restartWith(options: { isDiskFull: boolean }): Promise<void>
}

/** Starts the kubelet and waits until the API server can talk to it. What it mounts and makes is swept with the cluster. */
export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { files, containerd, programs, launcher, kubectl } = options
  const cgroupRoot = cgroupOf(files.directory)
  await makeCgroup(cgroupRoot)
  const configure = (isDiskFull: boolean): Promise<void> => {
    const config = kubeletConfig({ files, containerdSocket: containerd.files.socket, cgroupRoot, isDiskFull })
    return writeFile(files.kubeletConfig, JSON.stringify(config))
  }
  await configure(false)
  await shareMounts(files.kubelet)

  const { file, args } = clusterCommands(files).find(({ program }) => program === 'kubelet')!
  const script = path.join(import.meta.dirname, 'run-kubelet.sh')
  const [command, ...into] = [...launcher, 'unshare', '--mount', '--propagation', 'unchanged', script, files.kubelet]
  const outputFile = path.join(files.directory, 'kubelet.log')
  const begin = () => programs.start(command, [...into, file, ...args], { name: 'kubelet', outputFile })
  const answers = () => kubectl('get', '--raw', `/api/v1/nodes/${nodeName}/proxy/healthz`)
  const kubelet = await startRestartable(begin, (program) => untilAnswers(program, answers))
  return {
    ...kubelet,
    async restartWith({ isDiskFull }) {
      await configure(isDiskFull)
      await kubelet.stop()
      await kubelet.start()
    },
  }
}

/** Lets what is mounted below in another mount namespace be seen here, and so by the runtime. */
async function shareMounts(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  await execa('mount', ['--bind', directory, directory])
  await execa('mount', ['--make-shared', directory])
}

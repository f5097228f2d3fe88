import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { createNamespace, type Namespace } from '../../net/namespace.ts'
import type { ContainerdRelease } from '../containerd/containerd-release.ts'
import { importPauseImage } from '../containerd/pause-image.ts'
import { startContainerd, type Containerd } from '../containerd/start-containerd.ts'
import { eventually } from '../eventually.ts'
import { startGuard } from '../guard.ts'
import { kubeProgram } from '../kube/kube-programs.ts'
import { createPrograms } from '../programs.ts'
import { spawnProgram } from '../spawned.ts'
import { token, writeClusterAccess } from './cluster-access.ts'
import { apiServer, clusterCommands, nameServer, nodeName, type ClusterCommand } from './cluster-commands.ts'
import { clusterFiles, type ClusterFiles } from './cluster-files.ts'
import { addNodeAddress } from './node-address.ts'
import { startKubelet, type Kubelet } from './start-kubelet.ts'
import { sweepCluster } from './sweep-cluster.ts'

export interface ClusterOptions {
  /** Holds all its files. Short: a socket's path has 108 bytes at most. */
  readonly directory: string
  /** Of the node's containerd. Default: `containerd`, the machine's own. */
  readonly release?: ContainerdRelease
  /** Where all of it is to run; it is not deleted with the cluster. Default: a network with nothing else in it. */
  readonly namespace?: Namespace
}

/**
 * A Kubernetes cluster of one node, made of plain processes, in a network namespace. Services and their names are served;
 * no NetworkPolicy is.
 */
export interface Cluster extends AsyncDisposable {
  readonly nodeName: string
  readonly namespace: Namespace
  readonly containerd: Containerd
  readonly kubelet: Kubelet
  readonly files: ClusterFiles
  /** kubectl as the cluster's administrator, with all that it needs to reach the cluster. */
  readonly kubectlCommand: readonly [string, ...string[]]
  /** Runs it; resolves with what it printed. */
  kubectl(...args: string[]): Promise<string>
  /** Makes or changes objects. */
  apply(...objects: object[]): Promise<void>
  /** Ends all of it; only its files are left. */
  stop(): Promise<void>
}

const serveServices = fileURLToPath(new URL('./serve-services.ts', import.meta.url))
const patience = { withinMs: 90_000, everyMs: 200 }

/**
 * Starts a cluster and waits until its node is ready for pods. Tests that call it need
 * `requirePart('kubernetes', 'netns', 'cni', 'busybox')` and the part of the release.
 * @throws Error if a component does not come up; the logs in the directory tell why
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { directory, release = 'containerd' } = options
  const files = clusterFiles(directory)
  await mkdir(directory, { recursive: true })
  await writeClusterAccess(files)
  await using opening = new AsyncDisposableStack()
  const guard = startGuard(path.join(import.meta.dirname, 'sweep-abandoned.ts'), [directory])
  opening.defer(() => guard.dismiss())
  const namespace = options.namespace ?? opening.use(await createNamespace('cluster'))
  opening.use(await addNodeAddress(namespace))
  const { launcher } = namespace
  const containerd = opening.use(await startContainerd({ directory: files.containerd, release, launcher }))
  // All at once and without a farewell: nothing of it is to be used again.
  opening.defer(() => sweepCluster(directory))
  const programs = createPrograms()

  const kubectlCommand = [...launcher, kubeProgram('kubectl'), '--kubeconfig', files.kubeconfig] as const
  const kubectl = async (...args: string[]): Promise<string> => {
    const [command, ...into] = kubectlCommand
    return (await execa(command, [...into, ...args], { stdin: 'ignore' })).stdout
  }
  const commands = new Map(clusterCommands(files).map((command) => [command.program, command]))
  const start = (...names: ClusterCommand['program'][]): void => {
    for (const { program, file, args } of names.map((name) => commands.get(name)!)) {
      const [command, ...into] = launcher
      const outputFile = path.join(directory, `${program}.log`)
      programs.start(command, [...into, file, ...args], { name: program, outputFile })
    }
  }
  start('etcd', 'kube-apiserver')
  await importPauseImage(containerd)
  await eventually(() => kubectl('get', '--raw', '/readyz'), { ...patience, what: 'an answer of kube-apiserver' })
  start('kube-controller-manager', 'kube-scheduler')
  const [enter, ...into] = launcher
  const services = [...into, process.execPath, serveServices]
  const outputFile = path.join(directory, 'services.log')
  opening.use(spawnProgram(enter, [...services, apiServer, token, nameServer], { name: 'services', outputFile }))
  const kubelet = await startKubelet({ files, containerd, programs, launcher, kubectl })
  const isNodeReady = (): Promise<string> =>
    kubectl('wait', '--for=condition=Ready', `node/${nodeName}`, '--timeout=2s')
  await eventually(isNodeReady, { ...patience, what: `${nodeName} as a ready node` })
  // Without it the API server refuses pods.
  await eventually(() => kubectl('get', 'serviceaccount', 'default'), {
    ...patience,
    what: 'the default service account',
  })

  const opened = opening.move()
  const stop = (): Promise<void> => opened.disposeAsync()
  return {
    nodeName,
    namespace,
    containerd,
    kubelet,
    files,
    kubectlCommand,
    kubectl,
    async apply(...items) {
      const file = path.join(directory, 'objects.json')
      await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
      await kubectl('apply', '--filename', file)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

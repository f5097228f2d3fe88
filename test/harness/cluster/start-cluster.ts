import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createNamespace, type Namespace } from '../../net/namespace.ts'
import { toolDirectory } from '../../tools/tool-directory.ts'
import type { ContainerdRelease } from '../containerd/containerd-release.ts'
import { importPauseImage } from '../containerd/pause-image.ts'
import { startContainerd, type Containerd } from '../containerd/start-containerd.ts'
import { eventually } from '../eventually.ts'
import { startGuard } from '../guard.ts'
import { createPrograms } from '../programs.ts'
import { writeClusterAccess } from './cluster-access.ts'
import { clusterCommands, nodeName, type ClusterCommand } from './cluster-commands.ts'
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

/** A Kubernetes cluster of one node, made of plain processes, in a network namespace. */
export interface Cluster extends AsyncDisposable {
  readonly nodeName: string
  readonly namespace: Namespace
  readonly containerd: Containerd
  readonly kubelet: Kubelet
  readonly files: ClusterFiles
  /** Runs kubectl as the cluster's administrator; resolves with what it printed. */
  kubectl(...args: string[]): Promise<string>
  /** Makes or changes objects. */
  apply(...objects: object[]): Promise<void>
  /** Ends all of it; only its files are left. */
  stop(): Promise<void>
}

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

  const kubectl = (...args: string[]): Promise<string> =>
    namespace.run(path.join(toolDirectory('kubernetes'), 'kubectl'), ['--kubeconfig', files.kubeconfig, ...args])
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

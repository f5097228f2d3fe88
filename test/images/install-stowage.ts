import { chown, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { expect } from 'vitest'
import type { Cluster } from '../harness/cluster/start-cluster.ts'
import { renderChart, valueFlags, type ChartValues } from '../harness/helm.ts'
import type { Journey } from '../harness/journey.ts'
import { namespace } from '../harness/kube/cluster-site.ts'
import { toolDirectory } from '../tools/tool-directory.ts'

const user = 65532

/** What the chart has to be told of a cluster of a test: where its containerd is, and that it is no machine of its own. */
export function chartValues(journey: Journey, { containerd }: Cluster, registry: string): ChartValues {
  return {
    insecureRegistries: [registry],
    'agent.socket': containerd.files.socket,
    'agent.containerdRoot': containerd.files.root,
    'agent.mountPropagation': 'None',
    'agent.dataDirectory': journey.at('agent'),
  }
}

/** Gives the claim of the chart a volume, as an administrator does where the cluster makes none: a directory of the node. */
export async function giveVolume(journey: Journey, cluster: Cluster): Promise<void> {
  const store = journey.at('store')
  await mkdir(store)
  await chown(store, user, user)
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'store' },
    spec: {
      capacity: { storage: '20Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { namespace, name: 'kube-fledged-controller-store' },
      hostPath: { path: store, type: 'Directory' },
    },
  })
}

/** Applies the definitions, and what `helm template` makes of the chart. @param carried what a bundle has for people */
export async function applyChart(cluster: Cluster, carried: string, values: ChartValues): Promise<void> {
  const manifest = path.join(cluster.files.directory, 'chart.yaml')
  await writeFile(manifest, await renderChart(values, path.join(carried, 'deploy/chart')))
  await cluster.kubectl('apply', '--server-side', '--filename', path.join(carried, 'deploy/crds'))
  await cluster.kubectl('create', 'namespace', namespace)
  await cluster.kubectl('apply', '--filename', manifest)
  await untilRolledOut(cluster)
}

/** Installs the chart by helm itself. */
export async function installChart(cluster: Cluster, carried: string, values: ChartValues): Promise<void> {
  await cluster.kubectl('apply', '--server-side', '--filename', path.join(carried, 'deploy/crds'))
  await helm(cluster, 'install', path.join(carried, 'deploy/chart'), '--create-namespace', ...valueFlags(values))
  await untilRolledOut(cluster)
}

/** `helm upgrade`, with the values that were given before. */
export async function upgradeChart(cluster: Cluster, carried: string, values: ChartValues): Promise<void> {
  await helm(cluster, 'upgrade', path.join(carried, 'deploy/chart'), '--reset-then-reuse-values', ...valueFlags(values))
  await untilRolledOut(cluster)
}

/** `helm uninstall`; resolves when its pods are gone, and what users have there is not. */
export async function uninstallChart(cluster: Cluster): Promise<void> {
  await helm(cluster, 'uninstall')
  const pods = ['pods', '--namespace', namespace, '--selector', 'app=kubefledged']
  await cluster.kubectl('wait', '--for=delete', ...pods, '--timeout=60s')
  const left = ['persistentvolumeclaims,imagecaches,edgenodes', '--namespace', namespace, '--output=name']
  expect((await cluster.kubectl('get', ...left)).split('\n')).toEqual([
    'persistentvolumeclaim/kube-fledged-controller-store',
    'imagecache.kubefledged.io/imagecache1',
    `edgenode.stowage.dev/${cluster.nodeName}`,
  ])
}

async function helm({ files, namespace: { launcher } }: Cluster, verb: string, ...args: string[]): Promise<void> {
  const [command, ...into] = [...launcher, path.join(toolDirectory('helm'), 'helm')]
  const where = ['--namespace', namespace, '--kubeconfig', files.kubeconfig]
  await execa(command, [...into, verb, 'kube-fledged', ...args, ...where])
}

async function untilRolledOut(cluster: Cluster): Promise<void> {
  const inNamespace = ['--namespace', namespace]
  const workloads = await cluster.kubectl('get', 'deployments,daemonsets', ...inNamespace, '--output=name')
  for (const pods of workloads.split('\n')) {
    try {
      await cluster.kubectl('rollout', 'status', pods, ...inNamespace, '--timeout=120s')
    } catch (cause) {
      throw new Error(await cluster.kubectl('get', 'events', ...inNamespace, '--sort-by=.lastTimestamp'), { cause })
    }
  }
}

import { expect, it } from 'vitest'
import { makeImage } from '../../image-maker/make-image.ts'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { busyboxLayer } from '../containerd/busybox-layer.ts'
import type { Containerd } from '../containerd/start-containerd.ts'
import { findProcesses } from '../containerd/find-processes.ts'
import { importLayout } from '../containerd/import-layout.ts'
import { mountsBelow } from '../containerd/unmount-below.ts'
import { openJourney, type Journey } from '../journey.ts'
import { machinePlatform } from '../machine-platform.ts'
import { requirePart } from '../require-part.ts'
import { forceImageGc } from './force-image-gc.ts'
import { startCluster } from './start-cluster.ts'
import { clusterProcesses } from './sweep-cluster.ts'

async function importImage(containerd: Containerd, journey: Journey, name: string): Promise<void> {
  const layout = await createOciLayout(journey.at(name.replaceAll(/\W/g, '-')))
  const words = { entries: [{ path: 'words', from: { content: `the words of ${name}\n` } }] }
  const config = { Cmd: ['sh', '-c', 'cat /words; sleep 100000'], Env: ['PATH=/bin'] }
  await makeImage({ layout, name, platform: machinePlatform, layers: [busyboxLayer(), words], config })
  await importLayout(containerd, layout, [name])
}

const podOf = (name: string, image: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'test', image, imagePullPolicy: 'Never' }], ...spec },
})

const names = async ({ cri }: Containerd): Promise<string[]> =>
  (await cri.listImages())
    .flatMap(({ repoTags }) => repoTags)
    .filter((name) => name.startsWith('docker.io/'))
    .toSorted()

for (const release of ['containerd', 'containerd-2'] as const) {
  requirePart(
    'kubernetes',
    'netns',
    'cni',
    'busybox',
    release,
  )(`a cluster on the release ${release}`, () => {
    it('runs a pod from an image that was imported, and leaves nothing behind', async () => {
      await using journey = await openJourney()
      await using cluster = await startCluster({ directory: journey.at('cluster'), release })
      await importImage(cluster.containerd, journey, 'docker.io/library/app:v1')
      await cluster.apply(podOf('app', 'docker.io/library/app:v1'))
      await cluster.kubectl('wait', '--for=condition=Ready', 'pod/app', '--timeout=60s')
      expect(await cluster.kubectl('logs', 'app')).toBe('the words of docker.io/library/app:v1')
      const token = '/var/run/secrets/kubernetes.io/serviceaccount/token'
      expect(await cluster.kubectl('exec', 'app', '--', 'cat', token)).toMatch(/^ey/)

      await cluster.stop()
      expect(await mountsBelow(cluster.files.directory)).toEqual([])
      expect(await clusterProcesses(cluster.files.directory)).toEqual([])
      const { socket } = cluster.containerd.files
      expect(await findProcesses('containerd-shim-runc-v2', '-address', socket)).toEqual([])
    })
  })
}

requirePart(
  'kubernetes',
  'netns',
  'cni',
  'busybox',
  'containerd-2',
)('the kubelet of a cluster', () => {
  it('removes an image that nobody uses from a full disk, and spares those that are pinned or used', async () => {
    await using journey = await openJourney()
    await using cluster = await startCluster({ directory: journey.at('cluster'), release: 'containerd-2' })
    const { containerd } = cluster
    const [unused, pinned, used] = ['unused', 'pinned', 'used'].map((name) => `docker.io/library/${name}:v1`)
    for (const name of [unused!, pinned!, used!]) await importImage(containerd, journey, name)
    await containerd.ctr('images', 'label', pinned!, 'io.cri-containerd.pinned=pinned')
    await cluster.apply(podOf('app', used!, { priorityClassName: 'system-node-critical' }))
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/app', '--timeout=60s')

    await forceImageGc(cluster, async () => (await containerd.cri.imageStatus(unused!)) === undefined)
    expect(await names(containerd)).toEqual([pinned, used])
    expect(await cluster.kubectl('get', 'pod', 'app', '--output=jsonpath={.status.phase}')).toBe('Running')
  })
})

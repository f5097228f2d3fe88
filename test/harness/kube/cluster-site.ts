import type { CacheStatus } from '@stowage/controller/api/cache-status'
import path from 'node:path'
import type { SmallImageOptions } from '../../image-maker/small-image.ts'
import { startAgent, type Agent, type AgentOptions } from '../agent.ts'
import type { Journey } from '../journey.ts'
import { projectDirectory } from '../project-directory.ts'
import { openImageWorks, startSourceRegistry, type PushedImage } from '../source-registry.ts'
import { namespace, readCache, untilCacheStatus, type WrittenCache } from './cache-status.ts'
import { makeControllerAccount } from './controller-account.ts'
import { startController, type Controller, type ControllerOptions } from './controller.ts'
import { startKubeApi, type KubeApi } from './start-kube-api.ts'

/** A registry, a cluster without a kubelet, and a controller in it. */
export interface ClusterSite extends AsyncDisposable {
  readonly kube: KubeApi
  readonly controller: Controller
  /** Makes an image and pushes it as `NAME:v1`. */
  push(name: string, options?: SmallImageOptions): Promise<PushedImage>
  /** Starts the agent of a node. */
  agent(node: string, options?: Pick<AgentOptions, 'labels' | 'flags'>): Promise<Agent>
  cache(name: string): Promise<WrittenCache>
  /** The status of a cache, once it says the latest of its spec and `isSo`. */
  untilStatus(name: string, isSo: (status: CacheStatus) => boolean): Promise<CacheStatus>
}

/** Starts them all, with our definitions of ImageCache and EdgeNode and the namespace that kube-fledged has. */
export async function openClusterSite(
  journey: Journey,
  { flags = [] }: Pick<ControllerOptions, 'flags'> = {},
): Promise<ClusterSite> {
  await using opening = new AsyncDisposableStack()
  const works = await openImageWorks(journey.at('made'))
  const source = opening.use(await startSourceRegistry({ directory: journey.at('source') }))
  const kube = opening.use(await startKubeApi({ directory: journey.at('kube') }))
  await applyDefinitions(kube)
  await kube.kubectl('create', 'namespace', namespace)
  const kubeconfig = await makeControllerAccount(kube)
  const controller = opening.use(await startController({ directory: journey.at('controller'), kubeconfig, flags }))
  const opened = opening.move()
  const cache = (name: string): Promise<WrittenCache> => readCache(kube, name)
  return {
    kube,
    controller,
    cache,
    push: async (name, options) => works.push(await works.make({ seed: name, ...options }), source, `${name}:v1`),

    async agent(node, options) {
      const directory = journey.at(node)
      return opened.use(await startAgent({ directory, central: controller.url, node, ...options }))
    },

    untilStatus: (name, isSo) => untilCacheStatus(kube, name, isSo),

    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

export { namespace }

/** Makes the kinds that we define known to a cluster. */
export async function applyDefinitions({ kubectl }: Pick<KubeApi, 'kubectl'>): Promise<void> {
  await kubectl('apply', '--server-side', '--filename', path.join(projectDirectory, 'deploy/crds'))
  await kubectl('wait', '--for=condition=Established', 'crd/imagecaches.kubefledged.io', 'crd/edgenodes.stowage.dev')
}

/** An ImageCache as a user of kube-fledged writes it. */
export function imageCache(
  name: string,
  cacheSpec: readonly object[],
  more: { readonly metadata?: object; readonly [field: string]: unknown } = {},
): object {
  const { metadata, ...spec } = more
  return {
    apiVersion: 'kubefledged.io/v1alpha2',
    kind: 'ImageCache',
    metadata: { name, namespace, ...metadata },
    spec: { cacheSpec, ...spec },
  }
}

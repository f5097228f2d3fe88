import path from 'node:path'
import { cacheStatusSchema, type CacheStatus } from '@stowage/controller/api/cache-status'
import { buildSet, imageNameOf } from '@stowage/mirror/edge/set'
import { parseReference } from '@stowage/mirror/oci/reference'
import { fleetLabel } from '../../harness/fleet/fleet.ts'
import { openFleet, type RunningFleet } from '../../harness/fleet/open-fleet.ts'
import { applyDefinitions, imageCache, namespace } from '../../harness/kube/cluster-site.ts'
import { makeControllerAccount } from '../../harness/kube/controller-account.ts'
import { startController, type Controller, type ControllerOptions } from '../../harness/kube/controller.ts'
import { startKubeApi, type KubeApi } from '../../harness/kube/start-kube-api.ts'
import { openImageWorks, startSourceRegistry, type PushedImage } from '../../harness/source-registry.ts'

export interface ScaleSiteOptions extends Pick<ControllerOptions, 'spawn'> {
  readonly directory: string
  /** How many images there are. */
  readonly images: number
}

export interface ScaleFleetOptions {
  readonly name: string
  readonly nodes: number
  readonly spreadMs: number
  readonly fetchMs: number
  readonly contactEveryMs: number
}

/** A cluster, a controller in it, a registry with images, and no nodes yet. */
export interface ScaleSite extends AsyncDisposable {
  readonly kube: KubeApi
  readonly controller: Controller
  startFleet(options: ScaleFleetOptions): Promise<RunningFleet>
  /** Makes a cache of all images for the fleet of its name. */
  applyCache(name: string): Promise<void>
  /** Orders that its tags are looked up again. */
  refresh(name: string): Promise<void>
  status(name: string): Promise<CacheStatus | undefined>
  /** Gives the tag of an image to another one. */
  moveTag(index: number): Promise<void>
  referenceOf(index: number): string
  /** The digest of the set of all images as they are now. */
  setDigest(): string
}

export async function openScaleSite({ directory, images: count, ...options }: ScaleSiteOptions): Promise<ScaleSite> {
  await using opening = new AsyncDisposableStack()
  const at = (name: string): string => path.join(directory, name)
  const works = await openImageWorks(at('made'))
  const source = opening.use(await startSourceRegistry({ directory: at('source') }))
  const images: PushedImage[] = []
  let made = 0
  const push = async (index: number): Promise<void> => {
    const image = await works.make({ seed: `scale-${++made}`, layerSizes: [500] })
    images[index] = await works.push(image, source, `${nameOf(index)}:v1`)
  }
  for (let index = 0; index < count; index++) await push(index)
  const kube = opening.use(await startKubeApi({ directory: at('kube') }))
  await applyDefinitions(kube)
  await kube.kubectl('create', 'namespace', namespace)
  const kubeconfig = await makeControllerAccount(kube)
  const controller = opening.use(await startController({ directory: at('controller'), kubeconfig, ...options }))
  const opened = opening.move()
  const caches = `/apis/kubefledged.io/v1alpha2/namespaces/${namespace}/imagecaches`
  return {
    kube,
    controller,
    startFleet: async (fleet) => opened.use(await openFleet({ central: controller.url, ...fleet })),

    applyCache: (name) =>
      kube.apply(
        imageCache(name, [
          {
            images: images.map(({ reference }) => reference),
            nodeSelector: { [fleetLabel]: name },
          },
        ]),
      ),

    async refresh(name) {
      const order = 'kubefledged.io/refresh-imagecache='
      await kube.kubectl('annotate', 'imagecaches', name, '--namespace', namespace, order)
    },

    async status(name) {
      const { status } = JSON.parse(await kube.ask(`${caches}/${name}`)) as { status?: unknown }
      return status === undefined ? undefined : cacheStatusSchema.parse(status)
    },

    moveTag: push,
    referenceOf: (index) => images[index]!.reference,
    setDigest: () =>
      buildSet({
        images: images.map(({ reference, root }) => ({ name: imageNameOf(parseReference(reference)), root })),
        unresolved: [],
      }).digest,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function nameOf(index: number): string {
  return `image-${String(index).padStart(2, '0')}`
}

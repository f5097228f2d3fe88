import { nodeAddress } from '../harness/cluster/cluster-commands.ts'
import type { Cluster } from '../harness/cluster/start-cluster.ts'
import { runnableImage } from '../harness/containerd/runnable-image.ts'
import { freePort } from '../harness/free-port.ts'
import type { Journey } from '../harness/journey.ts'
import { createPrograms } from '../harness/programs.ts'
import { openImageWorks } from '../harness/source-registry.ts'
import { stowageCommand } from '../harness/stowage.ts'
import type { WalkImage } from '../harness/walk-through/walk-steps.ts'
import type { WalkSite } from '../harness/walk-through/walk.ts'
import { forwardPort } from '../net/forward-port.ts'

/** A registry that pods of a cluster reach, with the images of a walk, each of which prints its name. */
export interface ClusterRegistry extends AsyncDisposable {
  /** As references begin. */
  readonly host: string
  readonly images: Readonly<Record<WalkImage, string>>
  stop(): Promise<void>
}

export async function startClusterRegistry(journey: Journey, { namespace }: Cluster): Promise<ClusterRegistry> {
  await using opening = new AsyncDisposableStack()
  const programs = opening.use(createPrograms())
  const port = await freePort()
  const { command, args } = stowageCommand(['mirror', '--data', journey.at('registry'), '--listen', `:${port}`])
  const [enter, ...into] = namespace.launcher
  await programs.start(enter, [...into, command, ...args], { name: 'registry' }).waitForLine(/listening/)
  await using _forwarded = await forwardPort(namespace, port)
  const works = await openImageWorks(journey.at('registry-made'))
  const host = `${nodeAddress}:${port}`
  const push = async (name: WalkImage): Promise<string> => {
    const image = await runnableImage(works, { text: name, layerSizes: [200_000] })
    return (await works.push(image, { url: `http://127.0.0.1:${port}`, host }, `shop/${name}:v1`)).reference
  }
  const images = { everywhere: await push('everywhere'), special: await push('special'), added: await push('added') }
  const opened = opening.move()
  const stop = (): Promise<void> => opened.disposeAsync()
  return { host, images, stop, [Symbol.asyncDispose]: stop }
}

/** The one node of a cluster, as CRI tells of it. */
export function walkSiteOf({ kubectlCommand, nodeName, containerd }: Cluster, registry: ClusterRegistry): WalkSite {
  const names = async (): Promise<string[]> =>
    (await containerd.cri.listImages())
      .flatMap(({ repoTags }) => repoTags)
      .filter((name) => name.startsWith(`${registry.host}/`))
  return { kubectl: kubectlCommand, nodes: [{ hostname: nodeName, names }], images: registry.images }
}

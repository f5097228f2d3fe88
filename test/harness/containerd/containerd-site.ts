import type { MadeImage } from '../../image-maker/make-image.ts'
import type { Journey } from '../journey.ts'
import { openSite, type Site, type SiteOptions } from '../site.ts'
import type { PushedImage } from '../source-registry.ts'
import type { ContainerdRelease } from './containerd-release.ts'
import { runnableImage, type RunnableImageOptions } from './runnable-image.ts'
import { startContainerd, type Containerd } from './start-containerd.ts'

/** An image in the source registry, and what it was made of. */
export interface PushedRunnable extends PushedImage {
  readonly image: MadeImage
}

/** A site whose node has a containerd. */
export interface ContainerdSite extends Site {
  readonly containerd: Containerd
  /** Makes an image that a container can run from, and pushes it. @param name `REPOSITORY:TAG` */
  pushRunnable(name: string, options?: Partial<RunnableImageOptions>): Promise<PushedRunnable>
}

/** Starts them all. Tests that call it need the part that is named as the release, and `busybox` for what runs. */
export async function openContainerdSite(
  journey: Journey,
  release: ContainerdRelease,
  { agent, ...options }: SiteOptions = {},
): Promise<ContainerdSite> {
  await using opening = new AsyncDisposableStack()
  const containerd = opening.use(await startContainerd({ directory: journey.at('c'), release }))
  const runtime = `containerd:${containerd.files.socket}`
  const site = opening.use(await openSite(journey, { ...options, agent: { ...agent, runtime } }))
  const opened = opening.move()
  return {
    ...site,
    containerd,
    async pushRunnable(name, made = {}) {
      const image = await runnableImage(site.works, { text: name, ...made })
      return { ...(await site.works.push(image, site.source, name)), image }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

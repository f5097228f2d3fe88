import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { mirrorRepositoryOf, parseReference } from '@stowage/mirror/oci/reference'
import { startDockerRegistry } from '../../harness/docker-registry.ts'
import { freePort } from '../../harness/free-port.ts'
import { writeImageCache } from '../../harness/image-cache.ts'
import { createPrograms } from '../../harness/programs.ts'
import { pushLayout } from '../../harness/push-layout.ts'
import type { Spawned } from '../../harness/spawned.ts'
import type { MadeImage } from '../../image-maker/make-image.ts'
import type { OciLayout } from '../../image-maker/oci-layout.ts'
import type { Bench } from '../scenario.ts'

/** A centre, and an image that it can be wished to give to a node. */
export interface CentreWithImage extends AsyncDisposable {
  readonly url: string
  /** As upstream and runtimes name the image. */
  readonly reference: string
  /** The same in the centre's registry, for whoever pulls from there. */
  readonly mirrored: string
  /** By which CRI knows the image: the digest of its configuration. */
  readonly id: string
  /** Starts an agent, as it is published. */
  startAgent(node: string, args: readonly string[]): Spawned
  /** Wishes the image for this node and for no other. */
  wishFor(node: string): Promise<void>
}

const selector = 'bench'

/** Starts a registry that has the image, and a centre that wishes for nothing yet. */
export async function openCentreWithImage(
  { layout, image }: { readonly layout: OciLayout; readonly image: MadeImage },
  { directory, stowage }: Bench,
): Promise<CentreWithImage> {
  await using opening = new AsyncDisposableStack()
  const upstream = opening.use(
    await startDockerRegistry({ directory: path.join(directory, 'upstream'), isForSpeed: true }),
  )
  await pushLayout({ layout, target: image.manifest, registry: upstream.url, repository: 'bench', tag: 'v1' })
  const programs = opening.use(createPrograms())
  const host = `127.0.0.1:${await freePort()}`
  const [url, caches] = [`http://${host}`, path.join(directory, 'caches')]
  await mkdir(caches, { recursive: true })
  const start = (args: readonly string[]): Spawned => {
    const [command, ...rest] = stowage.command(args)
    return programs.start(command, rest, { name: `stowage ${args[0]}` })
  }
  const centre = start(['up', '--caches', caches, '--data', path.join(directory, 'centre'), '--listen', host])
  await centre.waitForLine(/"msg":"listening"/)
  const reference = `${upstream.host}/bench:v1`
  const opened = opening.move()
  return {
    url,
    reference,
    mirrored: `${host}/${mirrorRepositoryOf(parseReference(reference))}:v1`,
    id: image.config.digest,
    startAgent: (node, args) =>
      start(['agent', '--central', url, '--node', node, '--label', `${selector}=${node}`, ...args]),
    wishFor: (node) =>
      writeImageCache(caches, {
        name: 'bench',
        lists: [{ images: [reference], nodeSelector: { [selector]: node } }],
      }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

import path from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { MadeImage, MadeIndex } from '../image-maker/make-image.ts'
import { createOciLayout, type OciLayout } from '../image-maker/oci-layout.ts'
import { smallImage, type SmallImageOptions } from '../image-maker/small-image.ts'
import { freePort } from './free-port.ts'
import { machinePlatform } from './machine-platform.ts'
import { pushLayout, type Credentials } from './push-layout.ts'
import { startRestartable, type Restartable } from './restartable.ts'
import { spawnStowage } from './stowage.ts'
import type { ExpectedImage } from './verify-layout.ts'

/** An image in a registry. */
export interface PushedImage {
  /** As a list of an ImageCache names it. */
  readonly reference: string
  readonly root: Descriptor
  /** What the layout of a node on this machine must hold. */
  readonly expected: ExpectedImage
}

export interface SourceRegistryOptions {
  /** Holds `data/` and the log. */
  readonly directory: string
  /** On 127.0.0.1. Default: any free one. */
  readonly port?: number
}

/** Our own mirror as the registry of a vendor. It comes back on the port that it had. */
export interface SourceRegistry extends Restartable {
  /** Without a slash at its end. */
  readonly url: string
  /** As references begin: `127.0.0.1:PORT`. */
  readonly host: string
}

/** Starts a registry without credentials, and waits until it listens. */
export async function startSourceRegistry({ directory, port }: SourceRegistryOptions): Promise<SourceRegistry> {
  const host = `127.0.0.1:${port ?? (await freePort())}`
  const args = ['--log-format', 'json', 'mirror', '--data', path.join(directory, 'data'), '--listen', host]
  const outputFile = path.join(directory, 'source.log')
  const registry = await startRestartable(
    () => spawnStowage(args, { outputFile }),
    (program) => program.waitForLine(/"msg":"listening"/),
  )
  return { ...registry, url: `http://${host}`, host }
}

/** Makes images and pushes them to registries. */
export interface ImageWorks {
  readonly layout: OciLayout
  /** A small image for this machine. */
  make(options?: SmallImageOptions): Promise<MadeImage>
  /** @param name `REPOSITORY:TAG` */
  push(image: MadeImage | MadeIndex | Descriptor, registry: PushTarget, name: string): Promise<PushedImage>
}

export interface PushTarget {
  readonly url: string
  readonly host: string
  readonly credentials?: Credentials | undefined
}

/** @param directory of a layout; made if it is not there */
export async function openImageWorks(directory: string): Promise<ImageWorks> {
  const layout = await createOciLayout(directory)
  return {
    layout,
    make: (options) => smallImage(layout, { platform: machinePlatform, ...options }),
    async push(image, { url, host, credentials }, name) {
      const root = rootOf(image)
      const colon = name.lastIndexOf(':')
      const [repository, tag] = [name.slice(0, colon), name.slice(colon + 1)]
      await pushLayout({ layout, target: root, registry: url, repository, tag, credentials })
      return imageAt(`${host}/${name}`, root)
    },
  }
}

function rootOf(image: MadeImage | MadeIndex | Descriptor): Descriptor {
  if ('index' in image) return image.index
  return 'manifest' in image ? image.manifest : image
}

/** What a node of this machine must hold of an image under a reference. */
export function imageAt(reference: string, root: Descriptor): PushedImage {
  return { reference, root, expected: { name: reference, root: root.digest, ...machinePlatform } }
}

import { copyImage } from '@stowage/mirror/copy'
import type { ContentSource } from '@stowage/mirror/content'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { digestOf, type Digest } from '@stowage/mirror/oci/digest'
import { parseManifest, type ImageManifest } from '@stowage/mirror/oci/manifest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import PQueue from 'p-queue'

/** An image with its bytes. */
export interface WholeImage {
  readonly manifest: ImageManifest
  readonly contents: ReadonlyMap<Digest, Buffer>
}

const sizes = [500, 40_000, 1_500_000]

/** So many images that share layers with each other. */
export function makeImages(count: number, random: () => number): WholeImage[] {
  const layers = Array.from({ length: count }, (_, n) => randomContent(sizes[n % sizes.length]!, random))
  return layers.map((layer, n) => {
    const contents = [Buffer.from(`{"n":${n},"at":${random()}}`), layer, layers[(n + 1) % count]!]
    const [config, ...rest] = contents.map((content, part) => ({
      mediaType: part === 0 ? mediaTypes.config : mediaTypes.layer,
      digest: digestOf(content),
      size: content.length,
    }))
    const json = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: rest }
    const manifest = parseManifest(Buffer.from(JSON.stringify(json))) as ImageManifest
    return { manifest, contents: new Map(contents.map((content) => [digestOf(content), content])) }
  })
}

function randomContent(size: number, random: () => number): Buffer {
  return Buffer.from(Uint32Array.from({ length: size / 4 }, () => random() * 2 ** 32).buffer)
}

export interface MirrorClientOptions {
  /** Of the mirror. */
  readonly url: string
  /** Nobody else writes to it. */
  readonly repository: string
  /** What blobs are mounted from. */
  readonly neighbour: string
  /** The same mirror as the keeper of a controller's content. */
  readonly content: ContentStore
  readonly images: readonly WholeImage[]
  readonly random: () => number
}

/** Pushes, copies, deletes and pulls what it likes, and remembers what the mirror acknowledged. */
export interface MirrorClient {
  /** Does something. @throws whatever a mirror that is killed makes of it: then it may have been done or not */
  act(): Promise<void>
  /** Reads all that it has been told to be there. @throws Error with what is missing */
  check(): Promise<void>
  /** How often what was done. */
  readonly tally: Readonly<Record<string, number>>
}

const tags = ['t1', 't2', 't3']
const absent = ''

/** The mirror has told something that is not so. */
class Broken extends Error {}

export function isBroken(error: unknown): boolean {
  return error instanceof Broken
}

export function createMirrorClient(options: MirrorClientOptions): MirrorClient {
  const { repository, images, random } = options
  const at = (path: string): string => `${options.url}/v2/${repository}/${path}`
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!
  /** What each tag may mean: one thing, unless an answer did not come. */
  const meanings = new Map(tags.map((tag) => [tag, new Set<string>([absent])]))
  const tally: Record<string, number> = {}

  /** While it is not known whether something was done, the tags may mean what they would mean then, too. */
  async function doing(changes: ReadonlyMap<string, ReadonlySet<string>>, work: () => Promise<void>): Promise<void> {
    const before = new Map([...changes.keys()].map((tag) => [tag, meanings.get(tag)!]))
    for (const [tag, next] of changes) meanings.set(tag, before.get(tag)!.union(next))
    await work()
    for (const [tag, next] of changes) meanings.set(tag, new Set(next))
  }

  async function push(tag: string, { manifest, contents }: WholeImage): Promise<void> {
    for (const blob of [manifest.config, ...manifest.layers]) await pushBlob(blob, contents.get(blob.digest)!)
    await doing(new Map([[tag, new Set([manifest.digest])]]), async () => {
      const headers = { 'content-type': manifest.mediaType }
      await send(`manifests/${tag}`, { method: 'PUT', headers, body: new Uint8Array(manifest.raw) }, [201])
    })
  }

  async function pushBlob({ digest }: Descriptor, content: Buffer): Promise<void> {
    const { status } = await send(`blobs/${digest}`, { method: 'HEAD' }, [200, 404])
    if (status === 200) return
    const mount = random() < 0.4 ? `?mount=${digest}&from=${options.neighbour}` : ''
    const begun = await send(`blobs/uploads/${mount}`, { method: 'POST' }, [201, 202])
    if (begun.status === 201) return
    const session = new URL(begun.headers.get('location') ?? '', options.url)
    const half = Math.floor(content.length / 2)
    const patched = await send(session, { method: 'PATCH', body: new Uint8Array(content.subarray(0, half)) }, [202])
    const end = new URL(patched.headers.get('location') ?? '', options.url)
    end.searchParams.set('digest', digest)
    await send(end, { method: 'PUT', body: new Uint8Array(content.subarray(half)) }, [201])
  }

  async function copy(tag: string, image: WholeImage): Promise<void> {
    await doing(new Map([[tag, new Set([image.manifest.digest])]]), async () => {
      await copyImage({
        source: sourceOf(image),
        sourceRepository: repository,
        reference: image.manifest.digest,
        sink: options.content.repository(repository),
        tags: [tag],
        queue: new PQueue({ concurrency: 2 }),
      })
    })
  }

  async function deleteTag(tag: string): Promise<void> {
    const work = () => send(`manifests/${tag}`, { method: 'DELETE' }, [202, 404]).then(() => undefined)
    await doing(new Map([[tag, new Set([absent])]]), work)
  }

  async function deleteManifest({ manifest: { digest } }: WholeImage): Promise<void> {
    const without = [...meanings].map(([tag, old]) => {
      return [tag, new Set([...old].map((meaning) => (meaning === digest ? absent : meaning)))] as const
    })
    const work = () => send(`manifests/${digest}`, { method: 'DELETE' }, [202, 404]).then(() => undefined)
    await doing(new Map(without), work)
  }

  async function pull(tag: string): Promise<void> {
    const answer = await send(`manifests/${tag}`, {}, [200, 404])
    const body = Buffer.from(await answer.arrayBuffer())
    const digest = answer.status === 404 ? absent : digestOf(body)
    const known = meanings.get(tag)!
    if (!known.has(digest)) {
      throw new Broken(
        `${repository}:${tag} is ${digest || 'absent'}, not ${[...known].map((one) => one || 'absent').join(' or ')}`,
      )
    }
    meanings.set(tag, new Set([digest]))
    const image = images.find(({ manifest }) => manifest.digest === digest)
    for (const [blob, content] of image?.contents ?? []) {
      const got = await send(`blobs/${blob}`, {}, [200, 404])
      const bytes = Buffer.from(await got.arrayBuffer())
      if (got.status === 404 || !bytes.equals(content)) throw new Broken(`${repository}:${tag} lacks ${blob}`)
    }
  }

  /** @throws Error for any other answer, such as one that says to come again later */
  async function send(where: string | URL, request: RequestInit, expected: readonly number[]): Promise<Response> {
    const response = await fetch(where instanceof URL ? where : at(where), { ...request, redirect: 'error' })
    if (expected.includes(response.status)) return response
    throw new Error(`${request.method ?? 'GET'} ${response.status}: ${await response.text()}`)
  }

  const deeds: readonly [name: string, deed: () => Promise<void>][] = [
    ['push', () => push(oneOf(tags), oneOf(images))],
    ['push', () => push(oneOf(tags), oneOf(images))],
    ['copy', () => copy(oneOf(tags), oneOf(images))],
    ['delete tag', () => deleteTag(oneOf(tags))],
    ['delete manifest', () => deleteManifest(oneOf(images))],
    ['pull', () => pull(oneOf(tags))],
  ]

  return {
    tally,
    async act() {
      const [name, deed] = oneOf(deeds)
      await deed()
      tally[name] = (tally[name] ?? 0) + 1
    },
    async check() {
      for (const tag of tags) await pull(tag)
    },
  }
}

function sourceOf({ manifest, contents }: WholeImage): ContentSource {
  const { mediaType, digest, raw } = manifest
  return {
    resolve: async () => ({ mediaType, digest, size: raw.length }),
    manifest: async () => manifest,
    async blob(_repository, blob, { offset = 0 } = {}) {
      const rest = contents.get(blob.digest)!.subarray(offset)
      return (async function* () {
        for (let start = 0; start < rest.length; start += 65_536) yield rest.subarray(start, start + 65_536)
      })()
    },
  }
}

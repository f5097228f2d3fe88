import { mkdtemp } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { readContents } from '../../harness/containerd/containerd-contents.ts'
import type { CriImage } from '../../harness/containerd/cri-messages.ts'
import type { Containerd } from '../../harness/containerd/start-containerd.ts'
import type { Arrivals } from '../arrivals.ts'
import type { WishedImage } from '../demo-source.ts'
import type { ContentOf } from './contents.ts'
import type { ImageContent } from './image-content.ts'
import { mountedFiles } from './mounted-files.ts'
import { differencesOf } from './unpacked-files.ts'

export interface WatchContainerdOptions {
  readonly contentOf: ContentOf
  readonly signal: AbortSignal
}

/** A status of gRPC. */
const unavailable = 14

/**
 * Asks containerd itself, by CRI and by its own `ctr`, never the agent. An image is there when
 * - CRI lists it under its name, with the digest that upstream has for it, and with the right configuration as its ID,
 * - its index, manifest and configuration are in the content store, byte by byte,
 * - there is a whole snapshot for each layer, each on top of the one below,
 * - and all files in these, mounted as for a container, are those of the layers: contents by SHA-256, owners, modes, links.
 * Disposing waits for a look that is under way.
 */
export function watchContainerd(
  containerd: Containerd,
  { contentOf, signal }: WatchContainerdOptions,
): Arrivals & AsyncDisposable {
  const { cri, files, programs } = containerd
  const verified = new Map<string, ImageContent>()
  let looking: Promise<unknown> = Promise.resolve()

  async function verify(image: WishedImage, listed: readonly CriImage[]): Promise<void> {
    if (verified.has(image.reference)) return
    const { name, root } = image.expected
    const content = await contentOf(image)
    const found = listed.find((one) => namesOf(one).includes(name))
    if (!found?.repoDigests.some((digest) => digest.endsWith(`@${root}`)) || found.id !== content.config) {
      throw new Error(`${name} is ${JSON.stringify(found)}, but should be ${root} with the ID ${content.config}`)
    }
    await verifyDocuments(name, content)
    await verifySnapshots(name, content)
    const target = await mkdtemp(path.join(files.directory, 'mount-'))
    const mounted = await mountedFiles(containerd, { snapshot: content.chain.at(-1) ?? '', target, signal })
    const differences = differencesOf(mounted, content.files)
    if (differences.length > 0) throw new Error(`${name} is unpacked otherwise: ${differences.join('; ')}`)
    verified.set(image.reference, content)
  }

  async function verifyDocuments(name: string, { documents }: ImageContent): Promise<void> {
    const env = { CONTAINERD_ADDRESS: files.socket, CONTAINERD_NAMESPACE: 'k8s.io' }
    for (const [digest, raw] of documents) {
      const get = execa(path.join(programs.directory, 'ctr'), ['content', 'get', digest], { env, encoding: 'buffer' })
      const { stdout } = await get
      if (!raw.equals(stdout)) throw new Error(`${name}: what containerd has as ${digest} are other bytes`)
    }
  }

  async function verifySnapshots(name: string, { chain }: ImageContent): Promise<void> {
    const { snapshots } = await readContents(containerd)
    for (const [at, key] of chain.entries()) {
      const { kind, parent } = snapshots[key] ?? {}
      if (kind === 'Committed' && parent === (chain[at - 1] ?? '')) continue
      throw new Error(`${name}: the snapshot of layer ${at}, ${key}, is ${kind ?? 'not there'} on top of ${parent}`)
    }
  }

  async function have(wished: readonly WishedImage[]): Promise<boolean> {
    for (const image of wished) void contentOf(image) // Begun early: there is time while the links are slow.
    const listed = await cri.listImages()
    const names = new Set(listed.flatMap(namesOf))
    if (!wished.every(({ expected }) => names.has(expected.name))) return false
    for (const image of wished) await verify(image, listed)
    return true
  }

  async function isGone({ reference, expected }: WishedImage): Promise<boolean> {
    if ((await cri.listImages()).flatMap(namesOf).includes(expected.name)) return false
    const others = new Set([...verified].flatMap(([other, content]) => (other === reference ? [] : keysOf(content))))
    const own = keysOf(verified.get(reference)).filter((key) => !others.has(key))
    const { content, snapshots } = await readContents(containerd)
    return !own.some((key) => key in content || key in snapshots)
  }

  /** Whoever started containerd says that it has ended, and why; until then nothing is found. */
  function notIfAway(error: Error & { code?: unknown }): false {
    if (error.code === unavailable || !containerd.isRunning()) return false
    throw error
  }

  return {
    names: async () => (await cri.listImages()).flatMap(namesOf),

    have(wished) {
      const look = have(wished).catch(notIfAway)
      looking = look.catch(() => undefined) // Whoever asked hears of it.
      return look
    },

    isGone: (image) => isGone(image).catch(notIfAway),

    async strays() {
      const { content, snapshots, leases, ingests } = await readContents(containerd)
      const known = new Set([...verified.values()].flatMap(keysOf))
      const unknown = [...Object.keys(content), ...Object.keys(snapshots)].filter((key) => !known.has(key))
      return [...unknown, ...leases.map((id) => `lease ${id}`), ...ingests.map((reference) => `ingest ${reference}`)]
    },

    bytesSeen() {
      const sizes = new Map([...verified.values()].flatMap((content) => [...content.sizes]))
      return [...sizes.values()].reduce((sum, size) => sum + size, 0)
    },

    [Symbol.asyncDispose]: async () => void (await looking),
  }
}

/** One that was wished for by digest has no other name. */
function namesOf({ repoTags, repoDigests }: CriImage): readonly string[] {
  return repoTags.length > 0 ? repoTags : repoDigests
}

/** What an image has in the content store and as snapshots; its layers go once they are unpacked. */
function keysOf(content: ImageContent | undefined): string[] {
  return content ? [...content.documents.keys(), ...content.chain] : []
}

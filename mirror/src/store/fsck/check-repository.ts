import { descriptorSchema, type Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import { blobsOf, maxManifestSize, parseManifest, type Manifest } from '../../oci/manifest.ts'
import { blobKey, tagPrefix } from '../content/content-keys.ts'
import type { Pace } from '../gc/pace.ts'
import type { ReadLink, ReadRepository } from '../gc/read-repository.ts'
import { listWithBytes } from '../list-with-bytes.ts'
import type { ObjectStore } from '../object-store.ts'
import { readObject } from '../read-object.ts'
import { createRepositorySuspicions, type RepositoryTools } from './suspect-repository.ts'
import type { Suspicion } from './suspicion.ts'

export interface CheckRepositoryOptions extends Pick<RepositoryTools, 'objects' | 'check' | 'mend'> {
  /** Bytes of each blob that is stored. */
  readonly sizes: ReadonlyMap<Digest, number>
  readonly suspect: (suspicion: Suspicion) => void
  readonly pace: Pace
}

/** What was found in a repository, besides what is suspected. */
export interface CheckedRepository {
  readonly tags: number
  readonly manifests: number
  /** Manifests of which parts are not here. */
  readonly incomplete: ReadonlyArray<{ readonly digest: Digest; readonly absent: number }>
}

/** Tags are smaller. */
const bringUpTo = 2048

/** Looks whether the tags, links and manifests of one repository fit each other and the bytes that are stored. */
export async function checkRepository(
  { name: repository, links, unreadable, referrers }: ReadRepository,
  { sizes, suspect, pace, ...tools }: CheckRepositoryOptions,
): Promise<CheckedRepository> {
  const { objects } = tools
  const known = new Map<Digest, Descriptor>()
  const suspicions = createRepositorySuspicions({ ...tools, repository, named: (digest) => known.get(digest) })
  const readable = referrers.filter(({ object }) => targetIn(object.bytes))
  const listed = new Set(readable.map(({ referrer }) => referrer))
  const incomplete: { digest: Digest; absent: number }[] = []
  let [tags, manifests] = [0, 0]

  for (const { object } of readable) name(targetIn(object.bytes))
  for (const digest of unreadable) suspect(suspicions.unreadableLink(digest))
  for (const [digest, link] of links) {
    await pace()
    if (link.isManifest) manifests++
    if (hasBytes(digest, link) && link.isManifest) await readManifest(digest, link)
  }
  for await (const { info, bytes } of listWithBytes(objects, tagPrefix(repository), {
    bringUpTo,
    isOnce: true,
    inBackground: true,
    withUnreadable: true,
  })) {
    await pace()
    tags++
    checkTag(info.key.slice(tagPrefix(repository).length), bytes)
  }
  return { tags, manifests, incomplete }

  function name(descriptor: Descriptor | undefined): void {
    if (descriptor) known.set(descriptor.digest, descriptor)
  }

  function hasBytes(digest: Digest, { link }: ReadLink): boolean {
    const size = sizes.get(digest)
    if (size === undefined) suspect(suspicions.missingBytes(digest))
    else if (size !== link.size) suspect(suspicions.wrongSize(digest))
    return size === link.size
  }

  async function readManifest(digest: Digest, { link }: ReadLink): Promise<void> {
    const read = (): Promise<Manifest | string> => manifestIn(objects, digest, link.mediaType)
    const manifest = await read()
    if (typeof manifest === 'object') return checkManifest(manifest)
    const isRead = async (): Promise<boolean> => typeof (await read()) === 'object'
    suspect(suspicions.damagedManifest(digest, manifest, isRead))
  }

  function checkManifest(manifest: Manifest): void {
    const parts = manifest.kind === 'index' ? manifest.manifests : blobsOf(manifest)
    for (const part of parts) {
      name(part)
      const there = links.get(part.digest)
      if (there && there.link.size !== part.size) suspect(suspicions.wrongPart(manifest, part))
    }
    const absent = parts.filter(({ digest }) => !links.has(digest)).length
    if (absent > 0) incomplete.push({ digest: manifest.digest, absent })
    if (manifest.subject && !listed.has(manifest.digest)) suspect(suspicions.missingReferrer(manifest))
  }

  function checkTag(tag: string, bytes: Uint8Array): void {
    const target = targetIn(bytes)
    if (!target) return suspect(suspicions.unreadableTag(tag))
    name(target)
    if (!links.get(target.digest)?.isManifest && !unreadable.has(target.digest))
      suspect(suspicions.danglingTag(tag, target))
  }
}

/** A manifest as it is stored now, or why there is none to be read. */
async function manifestIn(objects: ObjectStore, digest: Digest, mediaType: string): Promise<Manifest | string> {
  const options = { length: maxManifestSize + 1, isOnce: true, isFresh: true }
  try {
    const object = await readObject(objects, blobKey(digest), options)
    return object ? parseManifest(object.bytes, { mediaType, digest }) : 'its bytes are gone'
  } catch (error) {
    if (isFault(error)) return error.message
    throw error
  }
}

function targetIn(bytes: Uint8Array): Descriptor | undefined {
  try {
    return descriptorSchema.parse(JSON.parse(Buffer.from(bytes).toString()))
  } catch {
    // Whatever it says, it is not what a tag means.
    return undefined
  }
}

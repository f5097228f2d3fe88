import type { Digest } from '../../oci/digest.ts'
import { partsOf } from '../../oci/manifest.ts'
import { isManifestType } from '../../oci/media-type.ts'
import type { Repository } from '../content-store.ts'
import { createContentStore } from '../create-content-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { names, signatureTagOf } from './garbage-model-content.ts'

// What a model of clients and collections looks for. For tests.

/** Manifests (`REPOSITORY DIGEST`) that may be missed. */
export type Excused = Pick<ReadonlySet<string>, 'has'>

/** What an image lacks. */
export async function lacksOf(repository: Repository, digest: Digest, excused: Excused): Promise<string | undefined> {
  const link = await repository.stat(digest)
  if (!link) return excused.has(`${repository.name} ${digest}`) ? undefined : digest
  if (!isManifestType(link.mediaType)) return (await repository.openBlob(digest)) ? undefined : `the bytes of ${digest}`
  const manifest = await repository.manifest(digest)
  if (!manifest && !(await repository.stat(digest))) return await lacksOf(repository, digest, excused)
  if (!manifest) return `the bytes of ${digest}`
  for (const part of partsOf(manifest)) {
    const lacks = await lacksOf(repository, part, excused)
    if (lacks) return lacks
  }
  return undefined
}

/** What is there and nothing needs. */
export async function leaksIn(
  store: ObjectStore,
  held: readonly { readonly repository: string; readonly digest: Digest }[],
): Promise<string[]> {
  const content = createContentStore(store)
  const needed = new Set<string>()
  async function need(repository: Repository, digest: Digest): Promise<void> {
    const key = `repositories/${repository.name}/_links/${digest.replace(':', '/')}`
    if (needed.has(key)) return
    needed.add(key)
    needed.add(`blobs/${digest.replace(':', '/')}`)
    const link = await repository.stat(digest)
    const manifest = link && isManifestType(link.mediaType) ? await repository.manifest(digest) : undefined
    for (const part of manifest ? partsOf(manifest) : []) await need(repository, part)
    for (const referrer of await repository.referrers(digest)) await need(repository, referrer.digest)
    const signature = await repository.tag(signatureTagOf(digest))
    if (!signature) return
    needed.add(`repositories/${repository.name}/_tags/${signatureTagOf(digest)}`)
    await need(repository, signature.digest)
  }
  for (const name of names) {
    const repository = content.repository(name)
    for (const { name: tag, target } of await repository.tags()) {
      if (!isOfSignature(tag)) await need(repository, target.digest)
    }
  }
  for (const { repository, digest } of held) await need(content.repository(repository), digest)
  const keys = await Array.fromAsync(store.list(''), ({ key }) => key)
  return keys
    .filter((key) => (/_links|^blobs|^condemned/.test(key) || isOfSignature(key)) && !needed.has(key))
    .map((key) => `${key} is there for nothing`)
}

/** A tag, or the key of one. */
function isOfSignature(tag: string): boolean {
  return tag.endsWith('.sig')
}

import type { ExportView } from '@stowage/controller/operator-api/views'
import type { BundleDocument } from '@stowage/mirror/bundle/bundle-document'
import type { Bundle, BundleFile } from '@stowage/mirror/bundle/open-bundle'
import type { ContentSource } from '@stowage/mirror/content'
import type { DesiredImage } from '@stowage/mirror/edge/set'
import { setRepository } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'

/** What one source gives to a bundle that is written. */
export interface BundlePart {
  readonly source: ContentSource
  readonly entries: BundleDocument['entries']
  readonly sets: readonly { readonly repository: string; readonly digest: Digest }[]
  readonly images: readonly (DesiredImage & { readonly repository: string })[]
  readonly files: readonly BundleFile[]
}

/** What a centre has of what was asked for. */
export function partOfCentre(source: ContentSource, { entries, sets, images }: ExportView): BundlePart {
  return {
    source,
    entries,
    sets: sets.map((digest) => ({ repository: setRepository, digest })),
    images,
    files: [],
  }
}

/** All that another bundle, or any OCI image layout in a tar, carries. */
export function partOfBundle(bundle: Bundle): BundlePart {
  // One file has no repositories.
  const repository = ''
  const entries = bundle.document?.entries ?? []
  const sets = new Set(entries.flatMap(({ set }) => set ?? []))
  return {
    source: bundle,
    entries,
    sets: [...sets].map((digest) => ({ repository, digest })),
    images: bundle.images.map((image) => ({ ...image, repository })),
    files: bundle.files,
  }
}

/**
 * Leaves out of each part what an earlier one has already.
 * @throws Fault conflict if a name means two images: a node can have one of them only
 */
export function withoutRepetition(parts: readonly BundlePart[]): BundlePart[] {
  refuseDifferences(parts.flatMap(({ images }) => images))
  const isNew = createSieve()
  return parts.map((part) => ({
    ...part,
    entries: part.entries.filter(({ cache, list }) => isNew(`entry ${cache.uid} ${list}`)),
    sets: part.sets.filter(({ digest }) => isNew(`set ${digest}`)),
    images: part.images.filter(({ name }) => isNew(`image ${name}`)),
    files: part.files.filter(({ name }) => isNew(`file ${name}`)),
  }))
}

function refuseDifferences(images: readonly DesiredImage[]): void {
  const meanings = new Map<string, Digest>()
  for (const { name, root } of images) {
    const other = meanings.get(name) ?? root.digest
    if (other !== root.digest) throw new Fault('conflict', `${name} would be both ${other} and ${root.digest}`)
    meanings.set(name, other)
  }
}

function createSieve(): (key: string) => boolean {
  const seen = new Set<string>()
  return (key) => {
    const isNew = !seen.has(key)
    seen.add(key)
    return isNew
  }
}

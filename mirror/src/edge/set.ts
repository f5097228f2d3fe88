import type { Descriptor } from '../oci/descriptor.ts'
import { Fault } from '../oci/fault.ts'
import { parseManifest, type ImageIndex, type ParseManifestOptions } from '../oci/manifest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { formatReference, type Reference } from '../oci/reference.ts'

/** What a set says it is. */
const setArtifactType = 'application/vnd.stowage.set.v1+json'

/** The mirror's repository that holds all sets. */
export const setRepository = 'stowage/sets'

const unresolvedAnnotation = 'dev.stowage.set.unresolved'

/** The two annotations by which plain `ctr images import` and `skopeo` know an image's name. */
export const nameAnnotations = {
  containerd: 'io.containerd.image.name',
  oci: 'org.opencontainers.image.ref.name',
} as const

/** One image that a node is to have: the name under which it is found, and the index or manifest behind it. */
export interface DesiredImage {
  readonly name: string
  readonly root: Descriptor
}

/** One image list of one ImageCache, resolved. */
export interface DesiredSet {
  readonly images: readonly DesiredImage[]
  /** Names that the list wants but that have no digest yet: a node neither fetches nor removes them. */
  readonly unresolved: readonly string[]
}

/** The name under which a runtime lists an image: `registry/repository:tag`, or `…@digest` where a digest was asked for, as the CRI does. */
export function imageNameOf({ registry, repository, tag, digest }: Reference): string {
  return formatReference(digest ? { registry, repository, digest } : { registry, repository, tag })
}

/** Writes a set as an OCI index. Equal sets, in whatever order, have equal bytes and so equal digests. */
export function buildSet({ images, unresolved }: DesiredSet): ImageIndex {
  const byName = new Map(images.map((image) => [image.name, image]))
  const names = [...new Set(unresolved)].filter((name) => !byName.has(name)).toSorted()
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    artifactType: setArtifactType,
    manifests: [...byName.values()]
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, root }) => namedDescriptor(name, root)),
    ...(names.length > 0 ? { annotations: { [unresolvedAnnotation]: JSON.stringify(names) } } : {}),
  }
  return parseManifest(new TextEncoder().encode(JSON.stringify(index))) as ImageIndex
}

/** The descriptor of an image's root under its name, as sets and bundles list it. */
export function namedDescriptor(name: string, { mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size, annotations: { [nameAnnotations.containerd]: name, [nameAnnotations.oci]: name } }
}

/** The name that a descriptor of a set, a layout or a bundle carries; containerd's own wins, as it is always the full one. */
export function nameOf({ annotations }: Pick<Descriptor, 'annotations'>): string | undefined {
  return annotations?.[nameAnnotations.containerd] ?? annotations?.[nameAnnotations.oci]
}

/**
 * Reads what `buildSet` wrote.
 * @throws Fault invalid | corrupt
 */
export function parseSet(raw: Uint8Array, options: ParseManifestOptions = {}): DesiredSet {
  const index = parseManifest(raw, options)
  if (index.kind !== 'index' || index.artifactType !== setArtifactType) {
    throw new Fault('invalid', `${index.digest} is not a set but ${index.artifactType ?? index.mediaType}`)
  }
  const images = index.manifests.map((root): DesiredImage => {
    const name = nameOf(root)
    if (!name) throw new Fault('invalid', `set ${index.digest}: entry ${root.digest} has no name`)
    return { name, root: { mediaType: root.mediaType, digest: root.digest, size: root.size } }
  })
  return { images, unresolved: unresolvedOf(index) }
}

function unresolvedOf({ annotations, digest }: ImageIndex): string[] {
  const text = annotations?.[unresolvedAnnotation]
  if (text === undefined) return []
  try {
    const names: unknown = JSON.parse(text)
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  } catch {
    // Said below in the same words as for JSON of another shape.
  }
  throw new Fault('invalid', `set ${digest}: annotation ${unresolvedAnnotation} is not a list of names`)
}

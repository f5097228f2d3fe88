import { nameOf, nameAnnotations } from '../edge/set.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { Fault } from '../oci/fault.ts'
import { parseManifest, type ImageIndex } from '../oci/manifest.ts'
import { mediaTypes } from '../oci/media-type.ts'

/** Where a layout says what it holds (image-spec, image-layout.md, "index.json file"). */
export const layoutIndexKey = 'index.json'

/**
 * Reads the `index.json` of a layout.
 * @throws Fault invalid
 */
export function parseLayoutIndex(bytes: Uint8Array): ImageIndex {
  const index = parseManifest(bytes, { mediaType: mediaTypes.index })
  if (index.kind !== 'index') throw new Fault('invalid', 'index.json is not an image index')
  return index
}

/** The entry that has a name. */
export function entryNamed(entries: readonly Descriptor[], name: string): Descriptor | undefined {
  return entries.find((entry) => nameOf(entry) === name || entry.annotations?.[nameAnnotations.oci] === name)
}

/** The entries with one more under a name, which is taken from whatever had it; without a name it is only listed. */
export function withEntry(entries: readonly Descriptor[], target: Descriptor, name?: string): readonly Descriptor[] {
  const { mediaType, digest, size } = target
  if (name === undefined) {
    return entries.some((entry) => entry.digest === digest) ? entries : [...entries, { mediaType, digest, size }]
  }
  // What has a name now need not be listed without one.
  const isOther = (entry: Descriptor): boolean =>
    nameOf(entry) === undefined ? entry.digest !== digest : nameOf(entry) !== name
  return [...entries.filter(isOther), { mediaType, digest, size, annotations: { [nameAnnotations.oci]: name } }]
}

/** Writes an `index.json`; what else the former one said is kept. */
export function formatLayoutIndex(entries: readonly Descriptor[], former?: Uint8Array): Uint8Array {
  const rest: object = former ? (JSON.parse(Buffer.from(former).toString()) as object) : {}
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, ...rest, manifests: entries }))
}

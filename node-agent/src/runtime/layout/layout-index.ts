import * as z from 'zod'
import { nameAnnotations, nameOf } from '@stowage/mirror/edge/set'
import { digestSchema, type Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { mediaTypes } from '@stowage/mirror/oci/media-type'

/** Marks by which an index entry is known as ours. */
const marks = {
  /** On a named entry: we brought the image, or a set named it. */
  owned: 'dev.stowage.owned',
  /** On a nameless entry: what it reaches is ours and goes when nobody wants it. */
  held: 'dev.stowage.held',
} as const

const entrySchema = z.looseObject({
  mediaType: z.string(),
  digest: digestSchema,
  size: z.number().int().min(0),
  annotations: z.record(z.string(), z.string()).optional(),
})

const indexSchema = z.looseObject({ schemaVersion: z.literal(2), manifests: z.array(entrySchema) })

/** One entry of a layout's `index.json`, with all that others wrote into it. */
export type LayoutEntry = z.infer<typeof entrySchema>

/** A layout's `index.json` (image-spec, image-layout.md), which other tools write, too: what we do not know is kept. */
export type LayoutIndex = z.infer<typeof indexSchema>

export const emptyIndex: LayoutIndex = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] }

/**
 * Reads an `index.json`.
 * @throws Fault invalid
 */
export function parseLayoutIndex(text: string, path: string): LayoutIndex {
  const advice = 'repair it, or move the directory away to begin anew'
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new Fault('invalid', `${path} is not JSON (${(cause as Error).message}); ${advice}`, { cause })
  }
  const result = indexSchema.safeParse(json)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new Fault('invalid', `${path}: ${issue?.path.join('.') || 'index'}: ${issue?.message}; ${advice}`)
}

export function isOwned({ annotations }: LayoutEntry): boolean {
  return annotations?.[marks.owned] === 'true'
}

/** Whether an entry only keeps content of ours: it has no name. */
function isHeld(entry: LayoutEntry): boolean {
  return nameOf(entry) === undefined && entry.annotations?.[marks.held] === 'true'
}

/** Keeps what a root reaches, if nothing of ours does so already. */
export function withHold(index: LayoutIndex, root: Descriptor): LayoutIndex {
  const isKept = index.manifests.some((entry) => entry.digest === root.digest && (isHeld(entry) || isOwned(entry)))
  return isKept ? index : { ...index, manifests: [...index.manifests, entryOf(root, { [marks.held]: 'true' })] }
}

/** Lets a name mean this root and be ours. What it meant before stays as a nameless entry: to be collected if it was ours. */
export function withName(index: LayoutIndex, name: string, root: Descriptor): LayoutIndex {
  const old = index.manifests.find((entry) => nameOf(entry) === name && entry.digest === root.digest)
  const others = index.manifests.flatMap((entry) => {
    if (isHeld(entry) && entry.digest === root.digest) return []
    if (nameOf(entry) !== name) return [entry]
    return entry.digest === root.digest ? [] : [isOwned(entry) ? unnamed(entry, true) : unnamed(entry, false)]
  })
  const names = { [nameAnnotations.containerd]: name, [nameAnnotations.oci]: name, [marks.owned]: 'true' }
  const named = old ? annotated(old, { ...names, ...old.annotations, [marks.owned]: 'true' }) : entryOf(root, names)
  return { ...index, manifests: [...others, named] }
}

/** Takes a name away and leaves what it meant to be collected. */
export function withoutName(index: LayoutIndex, name: string): LayoutIndex {
  return {
    ...index,
    manifests: index.manifests.map((entry) => (nameOf(entry) === name ? unnamed(entry, true) : entry)),
  }
}

/** Marks what a name means as ours, or as ours no more. */
export function withOwnership(index: LayoutIndex, name: string, owned: boolean): LayoutIndex {
  return {
    ...index,
    manifests: index.manifests.map((entry) => {
      if (nameOf(entry) !== name) return entry
      const { [marks.owned]: _, ...annotations } = entry.annotations ?? {}
      return annotated(entry, owned ? { ...annotations, [marks.owned]: 'true' } : annotations)
    }),
  }
}

/** Splits off the held entries whose roots nobody wants. */
export function splitDead(index: LayoutIndex, wanted: ReadonlySet<Digest>): { dead: LayoutEntry[]; rest: LayoutIndex } {
  const isDead = (entry: LayoutEntry): boolean => isHeld(entry) && !wanted.has(entry.digest)
  return {
    dead: index.manifests.filter(isDead),
    rest: { ...index, manifests: index.manifests.filter((entry) => !isDead(entry)) },
  }
}

function entryOf({ mediaType, digest, size }: Descriptor, annotations: Record<string, string>): LayoutEntry {
  return { mediaType, digest, size, annotations }
}

function unnamed(entry: LayoutEntry, held: boolean): LayoutEntry {
  const {
    [nameAnnotations.containerd]: _name,
    [nameAnnotations.oci]: _reference,
    [marks.owned]: _owned,
    ...annotations
  } = entry.annotations ?? {}
  return annotated(entry, held ? { ...annotations, [marks.held]: 'true' } : annotations)
}

function annotated(entry: LayoutEntry, annotations: Record<string, string>): LayoutEntry {
  if (Object.keys(annotations).length > 0) return { ...entry, annotations }
  const { annotations: _none, ...bare } = entry
  return bare
}

import { openBundle } from '@stowage/mirror/bundle/open-bundle'
import type { ContentSource } from '@stowage/mirror/content'
import { nameAnnotations, nameOf } from '@stowage/mirror/edge/set'
import { wordOf } from '@stowage/mirror/images/mirror-reference'
import { openLayout } from '@stowage/mirror/layout/open-layout'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { isDigest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { createStoreSource } from '@stowage/mirror/store/store-source'
import type { CopyEnd } from './copy-end.ts'
import { isStore, type CopySurroundings } from './copy-surroundings.ts'

/** Where a copy comes from, opened. */
export interface CopySource extends AsyncDisposable {
  readonly source: ContentSource
  readonly repository: string
  /** A tag, a name or a digest. */
  readonly reference: string
  /** What it is called there if nothing was said of that, the best name first. */
  readonly names: readonly string[]
}

/** @throws Fault as opening it does */
export async function openCopySource(end: CopyEnd, surroundings: CopySurroundings): Promise<CopySource> {
  // Registries and the store are closed with the surroundings.
  const shared = { names: ['latest'], [Symbol.asyncDispose]: () => Promise.resolve() }
  switch (end.kind) {
    case 'registry': {
      const source = await surroundings.registry(end.registry)
      return { source, repository: end.repository, reference: wordOf(end), ...shared }
    }
    case 'mirror': {
      const mirror = await surroundings.mirror(false)
      const source = isStore(mirror) ? createStoreSource(mirror) : mirror
      return { source, repository: end.repository, reference: wordOf(end), ...shared }
    }
    case 'data': {
      const source = createStoreSource(await surroundings.store(end.directory, false))
      return { source, repository: end.repository, reference: wordOf(end), ...shared }
    }
    case 'layout': {
      const layout = await openLayout(end.directory)
      return { source: layout, repository: '', ...shared, ...meantBy(end, layout.entries) }
    }
    case 'archive': {
      const bundle = await openBundle(end.file)
      const entries = bundle.images.map(({ name, root }) => ({ ...root, name }))
      const meant = meantBy(end, entries)
      return { source: bundle, repository: '', ...meant, [Symbol.asyncDispose]: () => bundle[Symbol.asyncDispose]() }
    }
  }
}

function meantBy(end: CopyEnd, entries: readonly Descriptor[]): Pick<CopySource, 'reference' | 'names'> {
  const said = end.digest ?? end.tag
  if (said !== undefined) return { reference: said, names: [] }
  const entry = onlyOneOf(entries, end)
  const names = [nameOf(entry), entry.annotations?.[nameAnnotations.oci]]
  // An archive needs names: that of an image without one is its digest.
  return {
    reference: entry.digest,
    names: names.flatMap((name) => (name === undefined || isDigest(name) ? [] : [name])),
  }
}

/** What is meant when nothing is said: the one image that is there. Signatures need no name to be there, too. */
function onlyOneOf(entries: readonly Descriptor[], { text }: CopyEnd): Descriptor {
  const named = entries.filter((entry) => nameOf(entry) !== undefined && !isCosignTag(nameOf(entry)))
  const [first, ...others] = named.length > 0 ? named : entries
  if (first && others.length === 0) return first
  const names = named.flatMap((entry) => nameOf(entry) ?? []).slice(0, 10)
  throw new Fault(
    'invalid',
    `${text}: ${entries.length} images are in it; say which one${names.length > 0 ? `, such as ${text}:${names[0]}` : ''}`,
  )
}

function isCosignTag(name: string | undefined): boolean {
  return /^sha(?:256|512)-[a-f0-9]{64}/.test(name ?? '')
}

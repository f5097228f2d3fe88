import type { FetchOptions, Referrer } from '../content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, hexOf, type Digest } from '../oci/digest.ts'
import { isFault } from '../oci/fault.ts'
import type { Manifest } from '../oci/manifest.ts'

/** Signatures, attestations and SBOMs as cosign stored them before the referrers API. */
const cosignSuffixes = ['sig', 'att', 'sbom'] as const
const maxPages = 100
/** Whoever reads them gives up on so many. */
const maxReferrers = 10_000

/** One page of the answer of the referrers API. */
export interface ReferrersPage {
  readonly manifests: readonly Descriptor[]
  /** Query of the next page. */
  readonly next?: string | undefined
}

/** What is needed of a registry. */
export interface ReferrersReader {
  page(repository: string, subject: Digest, options: FetchOptions & { readonly query?: string }): Promise<ReferrersPage>
  manifest(repository: string, reference: string, options: FetchOptions): Promise<Manifest>
  resolve(repository: string, reference: string, options: FetchOptions): Promise<Descriptor>
}

/**
 * All that speaks of a manifest: by the referrers API, by the tag that stands in for it where it is not supported
 * (distribution-spec, "Listing Referrers" and "Referrers Tag Schema"), and by the tags of cosign.
 * @throws Fault unavailable | corrupt
 */
export async function listReferrers(
  registry: ReferrersReader,
  { repository, subject, signal }: { readonly repository: string; readonly subject: Digest } & FetchOptions,
): Promise<Referrer[]> {
  const listed =
    (await unlessAbsent(byApi(registry, { repository, subject, signal }))) ??
    (await unlessAbsent(byTag(registry, { repository, subject, signal }))) ??
    []
  const tagged: Referrer[] = []
  for (const suffix of cosignSuffixes) {
    const tag = `${referrersTagOf(subject)}.${suffix}`
    const descriptor = await unlessAbsent(registry.resolve(repository, tag, { signal }))
    if (descriptor) tagged.push({ descriptor, tag })
  }
  return [...listed.map((descriptor) => ({ descriptor })), ...tagged]
}

type Question = { readonly repository: string; readonly subject: Digest } & FetchOptions

async function byApi(registry: ReferrersReader, { repository, subject, signal }: Question): Promise<Descriptor[]> {
  const found: Descriptor[] = []
  let query = ''
  for (let count = 0; count < maxPages; count++) {
    const page = await registry.page(repository, subject, { query, signal })
    found.push(...page.manifests)
    if (!page.next || page.next === query || found.length > maxReferrers) break
    query = page.next
  }
  return found
}

async function byTag(registry: ReferrersReader, { repository, subject, signal }: Question): Promise<Descriptor[]> {
  const index = await registry.manifest(repository, referrersTagOf(subject), { signal })
  return index.kind === 'index' ? [...index.manifests] : []
}

/** The tag that stands in for the referrers API, and before the suffixes of cosign. */
export function referrersTagOf(subject: Digest): string {
  return `${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`
}

/** Registries say in many ways that they do not know of referrers, or of such a tag. */
async function unlessAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'invalid') || isFault(error, 'denied')) return undefined
    throw error
  }
}

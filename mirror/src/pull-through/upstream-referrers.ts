import type { Logger } from 'pino'
import type { Referrer } from '../content.ts'
import type { Digest } from '../oci/digest.ts'
import { isFault } from '../oci/fault.ts'
import { isOwnArtifact } from '../oci/own-artifact.ts'
import type { ContentStore } from '../store/content-store.ts'
import { createRecentlyUsed } from '../store/recently-used.ts'
import type { Place } from './locate.ts'
import { createSharedWork } from './shared-work.ts'
import type { UpstreamManifests } from './upstream-manifests.ts'
import type { Upstream } from './upstream.ts'
import { within } from './within.ts'

/** Brings what speaks of manifests of upstreams into our repositories: signatures, SBOMs, attestations. */
export interface UpstreamReferrers {
  /** Sees to it that the manifests which speak of this one are here, and gives them. @throws Fault */
  bring(place: Place<Upstream>, subject: Digest): Promise<readonly Digest[]>
  /** The same for somebody who does not wait for ever, and takes what is here if the upstream cannot be asked. */
  freshen(place: Place<Upstream>, subject: Digest): Promise<void>
  /** Resolves when none is under way. */
  settled(): Promise<void>
}

export interface UpstreamReferrersOptions {
  readonly store: ContentStore
  readonly manifests: UpstreamManifests
  readonly log: Logger
  /** Ends all that is under way. */
  readonly signal: AbortSignal
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** How long a client waits, in milliseconds. */
  readonly patienceMs?: number | undefined
}

/** New signatures change no digest: they are looked for again after this time, in milliseconds. */
const maxAgeMs = 5 * 60_000
const defaultPatienceMs = 25_000
/** So many subjects are remembered to have been looked up. */
const mostHeard = 10_000

export function createUpstreamReferrers(options: UpstreamReferrersOptions): UpstreamReferrers {
  const { store, manifests, log, signal, now, patienceMs = defaultPatienceMs } = options
  const work = createSharedWork<readonly Digest[]>()
  const heardAt = createRecentlyUsed<number>(mostHeard)
  const keyOf = ({ repository }: Place<Upstream>, subject: Digest): string => `${repository} ${subject}`

  function bring(place: Place<Upstream>, subject: Digest): Promise<readonly Digest[]> {
    return work.share(keyOf(place, subject), async () => {
      const { upstream, sourceRepository } = place
      const brought: Digest[] = []
      for (const referrer of await upstream.source.referrers(sourceRepository, subject, { signal })) {
        if (!isOwnArtifact(referrer.descriptor.artifactType) && (await bringOne(place, subject, referrer))) {
          brought.push(referrer.descriptor.digest)
        }
      }
      heardAt.set(keyOf(place, subject), now(), 1)
      return brought
    })
  }

  /** Lists can name what has been deleted since. */
  async function bringOne(place: Place<Upstream>, subject: Digest, { descriptor, tag }: Referrer): Promise<boolean> {
    try {
      await manifests.bring(place, descriptor.digest)
    } catch (error) {
      if (isFault(error, 'not-found')) return false
      throw error
    }
    // No manifest is the signature of its own.
    if (tag !== undefined && descriptor.digest !== subject)
      await store.repository(place.repository).putTag(tag, descriptor.digest, { speaksOf: subject })
    return true
  }

  return {
    bring,
    async freshen(place, subject) {
      const heard = heardAt.get(keyOf(place, subject))
      const isFresh = heard !== undefined && now() - heard < maxAgeMs
      if (isFresh || place.upstream.pause.isAway) return
      try {
        if (!(await within(patienceMs, bring(place, subject)))) place.upstream.pause.overdue()
      } catch (err) {
        if (!isFault(err)) throw err
        log.info({ err, repository: place.repository, subject }, 'what speaks of a manifest could not be looked up')
      }
    },
    settled: () => work.settled(),
  }
}

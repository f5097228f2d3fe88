import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check, HealthChecks } from '@stowage/mirror/server/health-routes'
import type { CentreStore } from './centre-store.ts'
import type { WorkingCentre } from './open-centre.ts'

/** A step of 10,000 nodes takes seconds; one that takes this long will never end. Milliseconds. */
const stuckMs = 10 * 60_000

/** What every directory of a store has. */
const marker = 'oci-layout'
/** A key like another: whether it is there does not matter. */
const anyKey = 'health'

/** Whether content can be read. That there is no more room takes nothing from anybody: it is no reason to be asked nothing. */
export function storeCheck({ directory, objects }: Pick<CentreStore, 'directory' | 'objects'>): Check {
  return {
    name: 'store',
    async look() {
      // On the disk itself: what is kept in memory would hide that it is gone.
      await (directory === undefined ? objects.head(anyKey) : access(join(directory, marker)))
      return undefined
    },
  }
}

/**
 * A centre whose cluster is away stays ready, also after a restart: nodes are to have their assignments and their images, and
 * there may be no other to get them from. One that stands by answers for the leader.
 */
export function centreChecks(
  centre: () => WorkingCentre | undefined,
  store: Pick<CentreStore, 'directory' | 'objects'>,
): HealthChecks {
  return {
    live: [
      {
        name: 'reconcile',
        look() {
          const stepMs = centre()?.stepMs() ?? 0
          return stepMs < stuckMs ? undefined : `a step has been under way for ${Math.round(stepMs / 1000)} s`
        },
      },
    ],
    ready: [
      storeCheck(store),
      {
        name: 'wishes',
        look: () =>
          centre()?.isInformed() === false
            ? 'what is wanted has not been read yet, and no node was told anything before'
            : undefined,
      },
    ],
  }
}

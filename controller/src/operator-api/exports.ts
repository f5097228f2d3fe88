import { formatPlatform } from '@stowage/mirror/oci/platform'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import { exportWantMs, sameAskingMs, type ExportWant } from '../memory/export-want.ts'
import type { Remembered } from '../memory/remembered.ts'
import { storeSets } from '../mirroring/store-sets.ts'
import { findExport, planExport, type ExportWish } from '../plan/plan-export.ts'
import type { World } from '../plan/world.ts'
import type { ExportRequest, ExportView } from './views.ts'

export interface ExportsOptions {
  readonly world: () => World
  readonly content: ContentStore
  readonly wants: Remembered<ExportWant>
  readonly now: () => number
  /** Called when there is something to be mirrored that nobody wanted before. */
  readonly onNews: () => void
}

/** What is carried on disks. */
export interface Exports {
  /** What a bundle would hold now. */
  look(request: ExportRequest): Promise<ExportView>
  /** Has it mirrored, and remembers that for a day: sites without a link have no node here that would want it. */
  ask(request: ExportRequest): Promise<ExportView>
}

export function createExports({ world, content, wants, now, onNews }: ExportsOptions): Exports {
  async function show(wish: ExportWish): Promise<ExportView> {
    const { view, sets } = planExport(wish, world(), wants.all)
    await storeSets(content, sets)
    return view
  }

  return {
    look: async (request) => await show(findExport(request, world())),

    async ask(request) {
      const wish = findExport(request, world())
      for (const { name } of wish.images) await wants.put(name, wantAfter(wants.all.get(name), wish, now()))
      onNews()
      return await show(wish)
    },
  }
}

/** Platforms that others asked for stay wanted for their time. */
function wantAfter(old: ExportWant | undefined, { platforms }: ExportWish, now: number): ExportWant {
  const asked = platforms.map(formatPlatform)
  const others = old?.platforms.filter(({ platform, until }) => until > now && !asked.includes(platform)) ?? []
  return {
    version: 1,
    askedAt: old && isStillAsking(old, now) ? old.askedAt : now,
    platforms: [...others, ...asked.map((platform) => ({ platform, until: now + exportWantMs }))],
  }
}

function isStillAsking({ platforms }: ExportWant, now: number): boolean {
  const lastAskedAt = Math.max(...platforms.map(({ until }) => until)) - exportWantMs
  return now - lastAskedAt <= sameAskingMs
}

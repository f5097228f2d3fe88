/** Which manifests clients have deleted by their own will: those who named them before miss them. For tests. */
export interface Wills {
  /** Does so; whoever pushes the same meanwhile may have lost it, whatever he hears. */
  deleting(manifest: string, work: () => Promise<unknown>): Promise<void>
  /** It is there again, for who began to push it at that time and was told that it is. */
  pushed(manifest: string, begunAt: number): void
  /** Whether it may be missed by who began to look at that time. */
  excuse(manifest: string, since: number): boolean
}

interface Will {
  active: number
  endedAt: number
  /** When it was there again; undefined while it is not. */
  backAt: number | undefined
}

export function createWills(now: () => number): Wills {
  const wills = new Map<string, Will>()

  return {
    async deleting(manifest, work) {
      const will = wills.get(manifest) ?? { active: 0, endedAt: 0, backAt: undefined }
      wills.set(manifest, will)
      will.active++
      will.backAt = undefined
      await work()
      will.active--
      will.endedAt = now()
    },

    pushed(manifest, begunAt) {
      const will = wills.get(manifest)
      if (will?.active === 0 && will.endedAt < begunAt) will.backAt ??= now()
    },

    excuse(manifest, since) {
      const will = wills.get(manifest)
      return will !== undefined && (will.backAt === undefined || will.backAt >= since)
    },
  }
}

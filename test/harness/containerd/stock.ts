import { snapshotter } from './containerd-glance.ts'
import type { Containerd } from './start-containerd.ts'

/** What a containerd has in the namespace of CRI, done and half done. */
export interface Stock {
  /** Digests of blobs. */
  readonly content: readonly string[]
  /** Blobs that are being written, or were. */
  readonly ingests: readonly string[]
  /** Names of whole snapshots. */
  readonly snapshots: readonly string[]
  /** Keys of half ones, and of those that containers write to. */
  readonly activeSnapshots: readonly string[]
  readonly leases: readonly string[]
  /** Of images. */
  readonly names: readonly string[]
}

/** Asks `ctr` for all of it; what it finds is not one instant. */
export async function stockOf({ ctr }: Pick<Containerd, 'ctr'>): Promise<Stock> {
  const rows = async (...args: string[]): Promise<string[][]> =>
    (await ctr(...args))
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => line.trim().split(/\s+/))
  const firsts = (lines: string[][]): string[] => lines.map(([first = '']) => first).toSorted()
  const [, ...snapshots] = await rows('snapshots', '--snapshotter', snapshotter, 'list')
  const [, ...ingests] = await rows('content', 'active')
  return {
    content: firsts(await rows('content', 'list', '--quiet')),
    ingests: firsts(ingests),
    snapshots: firsts(snapshots.filter((row) => row.at(-1) === 'Committed')),
    activeSnapshots: firsts(snapshots.filter((row) => row.at(-1) === 'Active')),
    leases: firsts(await rows('leases', 'list', '--quiet')),
    names: firsts(await rows('images', 'list', '--quiet')),
  }
}

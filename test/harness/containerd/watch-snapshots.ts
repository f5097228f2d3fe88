import path from 'node:path'
import { eventually } from '../eventually.ts'
import { spawnProgram } from '../spawned.ts'
import type { Containerd } from './start-containerd.ts'

/** Hears of all that is unpacked while it watches, in every namespace. */
export interface SnapshotWatch extends AsyncDisposable {
  /**
   * Resolves when layers were begun to be unpacked to these snapshots and became them, in this order and no others.
   * @throws Error that says what was unpacked instead
   */
  untilUnpacked(names: readonly string[]): Promise<void>
}

/** Resolves when it hears. */
export async function watchSnapshots(
  containerd: Pick<Containerd, 'files' | 'programs' | 'ctr'>,
): Promise<SnapshotWatch> {
  const { files, programs, ctr } = containerd
  const env = { CONTAINERD_ADDRESS: files.socket }
  const events = spawnProgram(path.join(programs.directory, 'ctr'), ['events'], { name: 'ctr events', env })
  // Nothing tells that it listens but that it hears something.
  const hears = async (): Promise<boolean> => {
    await ctr('namespaces', 'label', 'k8s.io', `heard=${performance.now()}`)
    return events.lineCount() > 0
  }
  await eventually(hears, { what: 'events of containerd' })
  // Whoever unpacks a layer has its name in the key.
  const heard = (topic: string, field: string): string[] => {
    const event = new RegExp(`/snapshot/${topic} .*"${field}":"[^"]*([0-9a-f]{64})"`)
    return events.lines().flatMap((line) => event.exec(line)?.[1] ?? [])
  }
  return {
    async untilUnpacked(names) {
      const wanted = names.map((name) => name.replace('sha256:', '')).join(', ')
      const areUnpacked = (): boolean => {
        const [begun, done] = [heard('prepare', 'key').join(', '), heard('commit', 'name').join(', ')]
        if (begun === wanted && done === wanted) return true
        throw new Error(`begun were ${begun}, done ${done}`)
      }
      await eventually(areUnpacked, { what: `${wanted} unpacked` })
    },
    [Symbol.asyncDispose]: () => events[Symbol.asyncDispose](),
  }
}

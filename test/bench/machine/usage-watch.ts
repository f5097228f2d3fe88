import { cpuSecondsOf, forgetPeak, memoryOf, type MemoryUsage } from './process-usage.ts'

/** What a process took since a watch began. */
export interface Usage {
  readonly cpuSeconds: number
  /** The peak is that since the watch began. */
  readonly memory: MemoryUsage
}

/** Begins to watch a running process; the result is asked for what it took since. */
export async function watchUsage(pid: number): Promise<() => Promise<Usage>> {
  await forgetPeak(pid)
  const before = await cpuSecondsOf(pid)
  return async () => ({ cpuSeconds: (await cpuSecondsOf(pid)) - before, memory: await memoryOf(pid) })
}

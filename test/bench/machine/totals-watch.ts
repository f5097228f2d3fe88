import { forgetPeak } from './process-usage.ts'
import { totalsOf, type ProcessTotals } from './process-totals.ts'

/** Begins to watch a running process; the result is asked for what it took since. */
export async function watchTotals(pid: number): Promise<() => Promise<ProcessTotals>> {
  await forgetPeak(pid)
  const before = await totalsOf(pid)
  return async () => {
    const { cpuSeconds, writtenBytes, peak } = await totalsOf(pid)
    return { cpuSeconds: cpuSeconds - before.cpuSeconds, writtenBytes: writtenBytes - before.writtenBytes, peak }
  }
}

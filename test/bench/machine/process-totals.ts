import { readFile } from 'node:fs/promises'
import { memoryOf, parseCpuSeconds } from './process-usage.ts'

/** All that a process took since it began. */
export interface ProcessTotals {
  /** User and system, with that of children which it waited for; to a hundredth. */
  readonly cpuSeconds: number
  /** What it, alone, made the kernel write to disks: pages count when they are written to, not when they reach the disk. */
  readonly writtenBytes: number
  /** The most that was in memory, in bytes, since the last `forgetPeak`. */
  readonly peak: number
}

/** Looks at a process that runs. */
export async function totalsOf(pid: number): Promise<ProcessTotals> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const { peak } = await memoryOf(pid)
  const writtenBytes = parseWrittenBytes(await readFile(`/proc/${pid}/io`, 'utf8'))
  return { cpuSeconds: parseCpuSeconds(stat) + parseChildSeconds(stat), writtenBytes, peak }
}

/** Reads `/proc/PID/io` (proc_pid_io(5)). */
export function parseWrittenBytes(io: string): number {
  return Number(/^write_bytes: (\d+)$/m.exec(io)?.[1])
}

const ticksPerSecond = 100 // USER_HZ, the same on every architecture that Linux still runs Node on.

/** Reads what ended children took from `/proc/PID/stat`. */
export function parseChildSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond
}

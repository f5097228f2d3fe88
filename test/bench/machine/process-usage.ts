import { readFile, writeFile } from 'node:fs/promises'

const ticksPerSecond = 100 // USER_HZ, the same on every architecture that Linux still runs Node on.

/** Memory of a process, in bytes (proc_pid_status(5)). */
export interface MemoryUsage {
  /** All that is in memory, the pages of the binary included that other processes share. */
  readonly resident: number
  /** What the process has for itself alone. */
  readonly anonymous: number
  /** The most that was resident since the last `forgetPeak`. */
  readonly peak: number
}

/** Seconds of processor time, user and system, that all threads of a running process took so far; to a hundredth. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  return parseCpuSeconds(await readFile(`/proc/${pid}/stat`, 'utf8'))
}

/** What a running process has in memory now. */
export async function memoryOf(pid: number): Promise<MemoryUsage> {
  return parseMemory(await readFile(`/proc/${pid}/status`, 'utf8'))
}

/** Begins a new peak: the next `memoryOf` tells the most from now on. */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5')
}

/** Reads `/proc/PID/stat`; the name of a program may hold blanks and parentheses. */
export function parseCpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Reads `/proc/PID/status`. */
export function parseMemory(status: string): MemoryUsage {
  const bytes = (field: string): number => {
    const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? []
    return Number(kibibytes) * 1024
  }
  return { resident: bytes('VmRSS'), anonymous: bytes('RssAnon'), peak: bytes('VmHWM') }
}

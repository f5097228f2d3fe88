import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/**
 * Names the time since the machine was switched on: what was written in the same boot is still there as it was written.
 * Where the kernel does not say it, each call names a boot of its own, so that nothing unproved is trusted.
 */
export async function readBootId(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  } catch {
    // Not Linux, or no /proc: distrust costs some bytes, trust might cost the image.
    return randomUUID()
  }
}

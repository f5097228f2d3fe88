import { statfs } from 'node:fs/promises'
import { sample, type Sample } from '@stowage/mirror/metrics/meter'
import { processMetrics } from './all-metrics.ts'

/** How much room a data directory has. Nothing if that cannot be found out: other numbers matter more then. */
export async function storeSamples(directory: string): Promise<Sample[]> {
  try {
    const { bsize, blocks, bavail } = await statfs(directory)
    return [sample(processMetrics.storeSize, {}, bsize * blocks), sample(processMetrics.storeFree, {}, bsize * bavail)]
  } catch {
    // /readyz says what is wrong with it.
    return []
  }
}

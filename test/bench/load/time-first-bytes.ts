import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import * as z from 'zod'
import type { Bench } from '../scenario.ts'

const timesSchema = z.array(z.object({ firstMs: z.number(), lastMs: z.number() }))

/** From a request to the first and the last byte of the body of its answer. */
export type BodyTimes = z.infer<typeof timesSchema>[number]

/** Reads each URL once, one after the other, in a process of its own. @throws Error if an answer is not 200 */
export async function timeFirstBytes(
  urls: readonly string[],
  { cores, signal }: Pick<Bench, 'cores' | 'signal'>,
): Promise<BodyTimes[]> {
  const script = fileURLToPath(new URL('../read-first-bytes.ts', import.meta.url))
  const [command = '', ...args] = [...cores.load, process.execPath, script, ...urls]
  const { stdout } = await execa(command, args, { cancelSignal: signal })
  return timesSchema.parse(JSON.parse(stdout))
}

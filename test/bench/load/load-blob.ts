import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import * as z from 'zod'
import type { Bench } from '../scenario.ts'

const loadedSchema = z.object({ bytes: z.number().positive(), seconds: z.number().positive() })

/** What was read from a server. */
export type Loaded = z.infer<typeof loadedSchema>

export interface LoadBlobOptions {
  readonly url: string
  readonly connections: number
  readonly seconds: number
}

/** Reads a blob again and again on several connections, in a process of its own. @throws Error if an answer is not 200 */
export async function loadBlob(
  { url, connections, seconds }: LoadBlobOptions,
  { cores, signal }: Pick<Bench, 'cores' | 'signal'>,
): Promise<Loaded> {
  const script = fileURLToPath(new URL('../read-blob.ts', import.meta.url))
  const [command, ...args] = [...cores.load, process.execPath, script, url, `${connections}`, `${seconds}`]
  const { stdout } = await execa(command, args, { cancelSignal: signal })
  return loadedSchema.parse(JSON.parse(stdout))
}

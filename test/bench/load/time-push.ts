import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import * as z from 'zod'
import type { Bench } from '../scenario.ts'

const pushedSchema = z.object({ seconds: z.number().positive() })

export interface TimePushOptions {
  /** Of the registry. */
  readonly url: string
  readonly repository: string
  /** Bytes. */
  readonly size: number
}

/** Pushes a blob from a process of its own; tells how many seconds passed until the registry had it. @throws Error if it is refused */
export async function timePush(
  { url, repository, size }: TimePushOptions,
  { cores, signal }: Pick<Bench, 'cores' | 'signal'>,
): Promise<number> {
  const script = fileURLToPath(new URL('../push-blob.ts', import.meta.url))
  const [command, ...args] = [...cores.load, process.execPath, script, url, repository, `${size}`]
  const { stdout } = await execa(command, args, { cancelSignal: signal })
  return pushedSchema.parse(JSON.parse(stdout)).seconds
}

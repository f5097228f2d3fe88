import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import * as z from 'zod'
import type { Bench } from '../scenario.ts'

const answeredSchema = z.object({
  answers: z.number().positive(),
  medianMs: z.number(),
  p99Ms: z.number(),
  longestMs: z.number(),
})

/** How long a server took to answer. */
export type Answered = z.infer<typeof answeredSchema>

/** Asks for the head of a URL at a steady rate, from a process of its own, while work is done. @throws Error if an answer is not 200 */
export async function loadSteadily(
  { url, perSecond }: { readonly url: string; readonly perSecond: number },
  { cores, signal }: Pick<Bench, 'cores' | 'signal'>,
  work: () => Promise<unknown>,
): Promise<Answered> {
  const script = fileURLToPath(new URL('../ask-steadily.ts', import.meta.url))
  const [command, ...args] = [...cores.load, process.execPath, script, url, `${perSecond}`]
  const asking = execa(command, args, { cancelSignal: signal })
  const working = work().finally(() => asking.stdin.end())
  const [{ stdout }] = await Promise.all([asking, working])
  return answeredSchema.parse(JSON.parse(stdout))
}

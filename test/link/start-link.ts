import { fileURLToPath } from 'node:url'
import { createPrograms } from '../harness/programs.ts'
import { statsSchema, type Cut, type CutMode, type CutPlan, type LinkShape, type LinkStats } from './link-protocol.ts'

export interface StartLinkOptions {
  /** The server behind the link: a URL, of which only host and port count. */
  readonly upstream: string
  /** Bytes per second towards the node and, unless `upRate` says otherwise, from it. Default: no limit. */
  readonly rate?: number
  readonly upRate?: number
  /** One way. */
  readonly delayMs?: number
  readonly jitterMs?: number
  /** Of the jitter. */
  readonly seed?: number
  /** On 127.0.0.1. Default: any free one. */
  readonly port?: number
}

/** A link that runs as a process of its own, so that it counts on whoever else is killed. */
export interface RunningLink extends AsyncDisposable {
  /** What the node is told to connect to, without a slash at its end; `http:` whatever crosses. */
  readonly url: string
  /** `127.0.0.1:PORT`. */
  readonly host: string
  readonly pid: number
  /** See `LinkStats` for what counts as crossed. */
  stats(): Promise<LinkStats>
  /** Starts `LinkStats.sinceReset` anew; `total` goes on. Returns the stats after that. */
  resetCounters(): Promise<LinkStats>
  shape(shape: LinkShape): Promise<LinkStats>
  /** Resolves when the link is cut; not when it is up again, which is after `durationMs` or with `up`. */
  cut(mode: CutMode, options?: Omit<Cut, 'mode'>): Promise<LinkStats>
  up(): Promise<LinkStats>
  /** Cuts that come by themselves; replaces the plan before. */
  plan(plan: CutPlan): Promise<LinkStats>
  close(): Promise<void>
}

const proxy = fileURLToPath(new URL('./link-proxy.ts', import.meta.url))

/** Starts a link in front of a server; close it, or dispose. It ends also when this process is killed. */
export async function startLink(options: StartLinkOptions): Promise<RunningLink> {
  const programs = createPrograms()
  try {
    const program = programs.node(proxy, argumentsOf(options), { name: 'link' })
    const [line] = await program.waitForLine(/^\{.*\}$/)
    const { link, control } = JSON.parse(line) as { link: string; control: string }
    const ask = async (method: string, action: string, body?: object): Promise<LinkStats> => {
      const response = await fetch(`${control}/${action}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) })
      const answer: unknown = await response.json()
      if (!response.ok) throw new Error(`the link refused ${action}: ${JSON.stringify(answer)}`)
      return statsSchema.parse(answer)
    }
    return {
      url: link,
      host: new URL(link).host,
      pid: program.pid,
      stats: () => ask('GET', 'stats'),
      resetCounters: () => ask('POST', 'reset-counters'),
      shape: (shape) => ask('POST', 'shape', shape),
      cut: (mode, cut = {}) => ask('POST', 'cut', { mode, ...cut }),
      up: () => ask('POST', 'up'),
      plan: (plan) => ask('POST', 'plan', plan),
      close: () => programs.stopAll(),
      [Symbol.asyncDispose]: () => programs.stopAll(),
    }
  } catch (error) {
    await programs.stopAll()
    throw error
  }
}

function argumentsOf({ upstream, rate, upRate = rate, delayMs, jitterMs, seed, port = 0 }: StartLinkOptions): string[] {
  const { hostname, port: upstreamPort, protocol } = new URL(upstream)
  const address = `${hostname}:${upstreamPort || (protocol === 'https:' ? 443 : 80)}`
  const numbers = { 'down-rate': rate, 'up-rate': upRate, delay: delayMs, jitter: jitterMs, seed }
  const flags = Object.entries(numbers).flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag}`, `${value}`],
  )
  return ['--ends-with-stdin', '--upstream', address, '--listen', `127.0.0.1:${port}`, ...flags]
}

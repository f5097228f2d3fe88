import path from 'node:path'
import type { NodeRuntime } from './runtime/node-runtime.ts'
import { startLink, type RunningLink } from '../link/start-link.ts'
import { placeLabel, type SitePlan } from './site-plan.ts'
import type { Actor, Stage } from './stage.ts'

/** An edge node: its link, its agent and its runtime. */
export interface Site extends AsyncDisposable {
  readonly name: string
  readonly place: SitePlan['place']
  readonly link: RunningLink
  readonly runtime: NodeRuntime
  kills(): number
  isRunning(): boolean
  /** SIGKILL for the agent. */
  kill(): Promise<void>
  /** A new agent on the disk of the one before. */
  restart(): void
}

export interface StartSiteOptions {
  readonly plan: SitePlan
  /** URL of the centre. */
  readonly centre: string
  readonly runtime: NodeRuntime
}

/** Starts a link to the centre, an agent behind it, and the cuts. */
export async function startSite(stage: Stage, { plan, centre, runtime }: StartSiteOptions): Promise<Site> {
  const { name, place } = plan
  await using starting = new AsyncDisposableStack()
  const link = starting.use(await startLink({ ...plan.link, upstream: centre }))
  let kills = 0
  let agent: Actor | undefined = startAgent()
  await link.plan(plan.cuts)

  function startAgent(): Actor {
    const who = ['--node', name, '--label', `${placeLabel}=${place}`]
    const where = ['--data', path.join(stage.directory.path, name, 'data'), '--runtime', runtime.place]
    return stage.start(name, [
      'agent',
      '--central',
      link.url,
      ...who,
      ...where,
      '--contact-every',
      '1s',
      '--stall-timeout',
      '3s',
    ])
  }

  const site = starting.move()
  return {
    name,
    place,
    link,
    runtime,
    kills: () => kills,
    isRunning: () => agent !== undefined,
    async kill() {
      const killed = agent
      agent = undefined
      kills += 1
      await killed?.kill()
    },
    restart: () => void (agent ??= startAgent()),
    [Symbol.asyncDispose]: () => site.disposeAsync(),
  }
}

import type { Logger } from 'pino'
import { createBell } from '../../bell.ts'
import { switchServingAt, type Served } from '../../webhook/choose-serving.ts'
import type { KeyPair } from '@stowage/mirror/server/tls/key-pair'
import type { CertificateLifetimes } from '../../webhook/plan-certificates.ts'
import { namesOfService, trustedAuthorities, type WebhookCertificates } from '../../webhook/webhook-certificates.ts'
import type { WebhookService } from '../../webhook/webhook-configuration.ts'
import type { KubeApi } from '../kube-api.ts'
import { createObjectWatch, type ObjectWatch } from '../object-watch.ts'
import { createAttempts } from './attempts.ts'
import { createCertificateKeeper } from './certificate-keeper.ts'
import { createConfigurationKeeper } from './configuration-keeper.ts'
import {
  createWebhookClient,
  oneSecretResource,
  oneWebhookConfigurationResource,
  type WebhookClient,
} from './webhook-client.ts'

export interface WebhookKeeperOptions {
  readonly api: KubeApi
  readonly service: WebhookService
  /** Name of the Secret, beside the Service, that all replicas share; undefined if certificates are for somebody else to make. */
  readonly secret: string | undefined
  /** Name of our configuration. */
  readonly configuration: string
  /** Names of configurations that kube-fledged may have left. */
  readonly takeOver: readonly string[]
  readonly lifetimes: CertificateLifetimes
  /** What tells this process from others. */
  readonly who: string
  /** Called with what is to be served with from now on. */
  readonly onPair: (pair: KeyPair) => void
  readonly random: () => number
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly log: Logger
}

/** Keeps certificates, and the configurations by which API servers believe them. */
export interface WebhookKeeper {
  /** Looks after them until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** Between two looks that only the time calls for: not at once, and so that a clock which jumps is noticed. */
const [restMs, longestRestMs] = [20, 10 * 60_000]

/** Level-based: what is to be done follows from the Secret, the configurations and the time, and is looked for after each change. */
export function createWebhookKeeper(options: WebhookKeeperOptions): WebhookKeeper {
  const { api, service, configuration, takeOver, lifetimes, onPair, now, random, log } = options
  const bell = createBell()
  const watching = { api, onChange: () => bell.ring(), random, now, log }
  const watchOf = (name: string): ObjectWatch =>
    createObjectWatch({ ...watching, resource: oneWebhookConfigurationResource(name) })
  const attempts = createAttempts({ now, random, log })
  const own = watchOf(configuration)
  const others = takeOver.filter((name) => name !== configuration).map(watchOf)
  const configurations = createConfigurationKeeper({ own, others, service, attempts, now, log })
  const names = namesOfService(service)
  const secret = options.secret === undefined ? undefined : { namespace: service.namespace, name: options.secret }
  const secretWatch = secret && createObjectWatch({ ...watching, resource: oneSecretResource(secret) })
  const certificates =
    secret && secretWatch && createCertificateKeeper({ ...options, watch: secretWatch, secret, names, attempts })
  let current: Served | undefined
  const trustedSince = new Map<string, number>()

  async function look(client: WebhookClient): Promise<number> {
    if (!certificates) return configurations.look(client, undefined)
    if (!secretWatch?.state().isComplete) return Infinity
    const kept = await certificates.look(client, configurations.isTrusted)
    if (!kept.certificates) return kept.nextAt
    const serveAt = serve(kept.certificates)
    const healAt = await configurations.look(client, trustedAuthorities(kept.certificates))
    return Math.min(kept.nextAt, serveAt, healAt)
  }

  /** Returns when it is to be asked again. */
  function serve({ authority, serving }: WebhookCertificates): number {
    const candidate = { pair: serving, authority: authority.certificate }
    noteTrust([candidate, ...(current ? [current] : [])])
    const switchAt = switchServingAt({
      current,
      candidate,
      isKnown: configurations.isKnown(),
      trustedSince: (one) => trustedSince.get(one),
      settleMs: lifetimes.settleMs,
      now: now(),
    })
    if (switchAt > now()) return switchAt
    if (current?.pair.certificate !== serving.certificate) {
      onPair(serving)
      log.info('serving certificate taken')
    }
    current = candidate
    return Infinity
  }

  function noteTrust(served: readonly Served[]): void {
    if (!configurations.isKnown()) return
    const trusted = new Set(served.map(({ authority }) => authority).filter(configurations.isTrusted))
    for (const authority of trustedSince.keys()) if (!trusted.has(authority)) trustedSince.delete(authority)
    for (const authority of trusted) if (!trustedSince.has(authority)) trustedSince.set(authority, now())
  }

  async function keep(signal: AbortSignal): Promise<void> {
    const client = createWebhookClient(api, signal)
    while (!signal.aborted) {
      try {
        const nextAt = await look(client)
        await bell.wait({ timeoutMs: Math.min(longestRestMs, Math.max(restMs, nextAt - now())), signal })
      } catch (error) {
        // What is under way at the end is left to the next start.
        if (!signal.aborted) throw error
      }
    }
  }

  return {
    async run(signal) {
      const watches = [own, ...others, ...(secretWatch ? [secretWatch] : [])]
      await Promise.all([...watches.map((watch) => watch.run(signal)), keep(signal)])
    },
  }
}

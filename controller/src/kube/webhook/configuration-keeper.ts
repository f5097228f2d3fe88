import { isFault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import {
  healedConfiguration,
  isTrustedBy,
  whomItAsks,
  type WebhookService,
} from '../../webhook/webhook-configuration.ts'
import type { KubeObject } from '../kube-object.ts'
import type { ObjectWatch } from '../object-watch.ts'
import type { Attempts } from './attempts.ts'
import type { NamespacedName, WebhookClient } from './webhook-client.ts'

export interface ConfigurationKeeperOptions {
  /** The one that is ours. */
  readonly own: ObjectWatch
  /** Those that kube-fledged may have left. */
  readonly others: readonly ObjectWatch[]
  readonly service: WebhookService
  readonly attempts: Attempts
  readonly now: () => number
  readonly log: Logger
}

/** Keeps the webhook configurations of a cluster in order, so that each of them asks somebody who answers. */
export interface ConfigurationKeeper {
  /** Whether it is known what stands there. */
  isKnown(): boolean
  /** Whether every configuration that asks us believes an authority; not as long as it is not known what stands there. */
  readonly isTrusted: (authority: string) => boolean
  /**
   * Does what is to be done, as soon as it is known what stands there.
   * @param trusted authorities to be believed, in PEM; undefined if that is for somebody else to say
   * @returns when to look again although nothing seems to have changed, epoch milliseconds
   */
  look(client: WebhookClient, trusted: readonly string[] | undefined): Promise<number>
}

/** Whether a Service is served changes without a word to us. */
const askAgainMs = 30_000

export function createConfigurationKeeper(options: ConfigurationKeeperOptions): ConfigurationKeeper {
  const { own, others, service, attempts, now, log } = options
  const told = new Map<string, string>()
  /** Those that may not be read, and so will not be listed, whatever else becomes of asking for them. */
  const denied = new Set<ObjectWatch>()

  /** One that is not listed yet is not one that is not there. */
  function isKnown(): boolean {
    const watches = [own, ...others]
    for (const watch of watches) if (isFault(watch.state().fault, 'denied')) denied.add(watch)
    return watches.every((watch) => watch.state().isComplete || denied.has(watch))
  }

  function askingUs(): { readonly object: KubeObject; readonly watch: ObjectWatch }[] {
    const rest = others.filter((watch) =>
      [...watch.objects.values()].some((one) => whomItAsks(one, service).kind === 'us'),
    )
    return [own, ...rest].flatMap((watch) => [...watch.objects.values()].map((object) => ({ object, watch })))
  }

  async function heal(
    client: WebhookClient,
    watch: ObjectWatch,
    object: KubeObject,
    trusted?: readonly string[],
  ): Promise<number> {
    const healed = healedConfiguration(object, { service, trusted })
    if (!healed) return Infinity
    watch.take(await client.updateConfiguration(healed))
    log.info({ configuration: object.metadata.name }, 'webhook configuration healed')
    return Infinity
  }

  async function remove(client: WebhookClient, object: KubeObject, why: string): Promise<number> {
    await client.deleteConfiguration(object)
    log.warn({ configuration: object.metadata.name, why }, 'webhook configuration of kube-fledged taken away')
    return Infinity
  }

  /** One that cannot be judged stays: it may be somebody's. */
  async function isGivenUp(client: WebhookClient, name: string, asked: NamespacedName): Promise<boolean> {
    const at = { configuration: name, service: `${asked.namespace}/${asked.name}` }
    const tell = (message: string, more: object = {}): void => {
      if (told.get(name) !== message) log.warn({ ...at, ...more }, message)
      told.set(name, message)
    }
    try {
      const isServed = await client.isServed(asked)
      if (isServed)
        tell('another webhook for ImageCaches is served in this cluster, and asked too; take kube-fledged away')
      return !isServed
    } catch (err) {
      if (!isFault(err, 'denied')) throw err
      tell('another webhook for ImageCaches stands in this cluster, and it may not be seen whether it is served', {
        err,
      })
      return false
    }
  }

  async function judge(
    client: WebhookClient,
    watch: ObjectWatch,
    object: KubeObject,
    trusted?: readonly string[],
  ): Promise<number> {
    const asked = whomItAsks(object, service)
    switch (asked.kind) {
      case 'others':
        return Infinity
      case 'us':
        return own.objects.size > 0
          ? remove(client, object, 'it asks the same Service as the one of this installation')
          : heal(client, watch, object, trusted)
      case 'service':
        return (await isGivenUp(client, object.metadata.name, asked))
          ? remove(client, object, `nobody serves ${asked.namespace}/${asked.name}`)
          : now() + askAgainMs
    }
  }

  return {
    isKnown,
    isTrusted: (authority) => isKnown() && askingUs().every(({ object }) => isTrustedBy(object, authority)),

    async look(client, trusted) {
      if (!isKnown()) return Infinity
      const looks = [
        ...[...own.objects.values()].map((object) => ({ object, act: () => heal(client, own, object, trusted) })),
        ...others.flatMap((watch) =>
          [...watch.objects.values()].map((object) => ({ object, act: () => judge(client, watch, object, trusted) })),
        ),
      ]
      let nextAt = Infinity
      for (const { object, act } of looks) {
        nextAt = Math.min(nextAt, await attempts.try(`ValidatingWebhookConfiguration ${object.metadata.name}`, act))
      }
      return nextAt
    },
  }
}

import { isFault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import {
  planCertificates,
  type CertificateLifetimes,
  type CertificatePlan,
  type CertificateStep,
} from '../../webhook/plan-certificates.ts'
import { certificateTimes, makeCertificates, takeCertificateStep } from '../../webhook/take-certificate-step.ts'
import {
  readCertificates,
  secretDataOf,
  type SecretData,
  type WebhookCertificates,
} from '../../webhook/webhook-certificates.ts'
import type { KubeObject } from '../kube-object.ts'
import type { ObjectWatch } from '../object-watch.ts'
import type { Attempts } from './attempts.ts'
import type { NamespacedName, WebhookClient } from './webhook-client.ts'

export interface CertificateKeeperOptions {
  readonly watch: ObjectWatch
  readonly secret: NamespacedName
  /** By which the server is called. */
  readonly names: readonly string[]
  readonly lifetimes: CertificateLifetimes
  /** What tells this process from others. */
  readonly who: string
  readonly attempts: Attempts
  readonly now: () => number
  readonly log: Logger
}

export interface KeptCertificates {
  /** The last of use that stood in the Secret; undefined as long as none did. */
  readonly certificates: WebhookCertificates | undefined
  /** When there may be something to do that nothing else calls for. */
  readonly nextAt: number
}

/** Keeps the certificates of a Secret fresh. Any number of processes may do so. */
export interface CertificateKeeper {
  /** Does what is due, one step at most. */
  look(client: WebhookClient, isTrusted: (authority: string) => boolean): Promise<KeptCertificates>
}

export function createCertificateKeeper(options: CertificateKeeperOptions): CertificateKeeper {
  const { watch, secret, names, lifetimes, who, attempts, now, log } = options
  const at = { secret: `${secret.namespace}/${secret.name}` }
  let read: { readonly object: KubeObject; readonly certificates: WebhookCertificates | undefined } | undefined
  /** The last that were of use, whatever became of the Secret. */
  let good: WebhookCertificates | undefined
  let goneSince: number | undefined

  function certificatesOf(object: KubeObject): WebhookCertificates | undefined {
    if (read?.object !== object) read = { object, certificates: readOrSay(object) }
    return read.certificates
  }

  function readOrSay(object: KubeObject): WebhookCertificates | undefined {
    const data = dataOf(object)
    try {
      return readCertificates(data, names)
    } catch (err) {
      if (!isFault(err, 'invalid')) throw err
      if (Object.keys(data).length > 0) log.warn({ ...at, err }, 'certificates of no use found')
      return undefined
    }
  }

  /** Whoever takes all of this away takes the Secret first, and is not to find it again; what is served needs none meanwhile. */
  function makeAgainAt(): number {
    goneSince ??= now()
    return good ? goneSince + lifetimes.settleMs : goneSince
  }

  async function take(step: CertificateStep, before: WebhookCertificates | undefined): Promise<WebhookCertificates> {
    const taking = { lifetimes, names, now: now() }
    if (step === 'make' || !before) return makeCertificates(good?.authority.certificate, taking)
    return takeCertificateStep(step, before, taking)
  }

  function planFor(
    certificates: WebhookCertificates | undefined,
    isTrusted: (authority: string) => boolean,
  ): CertificatePlan {
    const times = certificates && certificateTimes(certificates)
    const isNextTrusted = certificates?.next !== undefined && isTrusted(certificates.next.certificate)
    return planCertificates({ times, isNextTrusted, now: now() }, lifetimes)
  }

  async function write(client: WebhookClient, step: CertificateStep, object?: KubeObject): Promise<KeptCertificates> {
    let made: WebhookCertificates | undefined
    const nextAt = await attempts.try(`Secret ${at.secret}`, async () => {
      const taken = await take(step, object && certificatesOf(object))
      if (object) watch.take(await client.updateSecret(object, secretDataOf(taken, dataOf(object))))
      else await client.createSecret(secret, secretDataOf(taken, {}), who)
      log.info({ ...at, step }, 'certificates changed')
      made = taken
      return now()
    })
    return { certificates: made ?? good, nextAt }
  }

  return {
    async look(client, isTrusted) {
      const [object] = watch.objects.values()
      if (object) goneSince = undefined
      const certificates = object && certificatesOf(object)
      good = certificates ?? good
      const { step, nextAt } = planFor(certificates, isTrusted)
      // What is written on top of what was read long ago would only be refused.
      if (step === undefined || watch.state().condition !== 'ready') return { certificates: good, nextAt }
      const writeAt = object ? now() : makeAgainAt()
      return writeAt > now() ? { certificates: good, nextAt: writeAt } : write(client, step, object)
    },
  }
}

function dataOf(object: KubeObject): SecretData {
  return (object['data'] ?? {}) as SecretData
}

import { makeAuthority, makeServing } from './issue-certificates.ts'
import { beginOf, endOf } from '@stowage/mirror/server/tls/key-pair'
import type { CertificateLifetimes, CertificateStep, CertificateTimes } from './plan-certificates.ts'
import type { WebhookCertificates } from './webhook-certificates.ts'

export interface CertificateStepOptions {
  readonly lifetimes: CertificateLifetimes
  /** By which the server is called. */
  readonly names: readonly string[]
  /** Epoch milliseconds. */
  readonly now: number
}

/** What a plan needs to know of certificates. */
export function certificateTimes({
  authority,
  serving,
  next,
  previous,
  changedAt,
}: WebhookCertificates): CertificateTimes {
  return {
    begins: Math.max(beginOf(authority.certificate), beginOf(serving.certificate)),
    authorityEnds: endOf(authority.certificate),
    servingEnds: endOf(serving.certificate),
    nextEnds: next && endOf(next.certificate),
    hasPrevious: previous !== undefined,
    changedAt,
  }
}

/**
 * Makes new certificates, without an authority before them unless one is known that was served with until now.
 */
export async function makeCertificates(
  previous: string | undefined,
  { lifetimes, names, now }: CertificateStepOptions,
): Promise<WebhookCertificates> {
  const authority = await makeAuthority({ now, forMs: lifetimes.authorityMs })
  const serving = await makeServing(authority, { now, forMs: lifetimes.servingMs, names })
  const isOfUse = previous !== undefined && endOf(previous) > now
  return { authority, serving, changedAt: now, ...(isOfUse && { previous }) }
}

/** What certificates become by a step. */
export async function takeCertificateStep(
  step: Exclude<CertificateStep, 'make'>,
  certificates: WebhookCertificates,
  options: CertificateStepOptions,
): Promise<WebhookCertificates> {
  const { lifetimes, names, now } = options
  const { next, previous: _, ...rest } = certificates
  switch (step) {
    case 'make-next':
      return { ...certificates, next: await makeAuthority({ now, forMs: lifetimes.authorityMs }), changedAt: now }
    case 'switch': {
      if (!next) throw new Error('there is no next authority')
      const serving = await makeServing(next, { now, forMs: lifetimes.servingMs, names })
      return { authority: next, serving, previous: certificates.authority.certificate, changedAt: now }
    }
    case 'forget-previous':
      return { ...rest, ...(next && { next }), changedAt: now }
    case 'renew':
      return {
        ...certificates,
        serving: await makeServing(certificates.authority, { now, forMs: lifetimes.servingMs, names }),
      }
  }
}

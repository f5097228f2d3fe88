import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { certificatesIn } from '@stowage/mirror/server/tls/key-pair'
import { validatePath } from './webhook-routes.ts'

/** The name that kube-fledged gave its webhook, and by which users read its denials. */
export const webhookName = 'validate-image-cache.kubefledged.io'

/** A Service that serves a webhook. */
export interface WebhookService {
  readonly namespace: string
  readonly name: string
  readonly port: number
}

const clientConfigSchema = z.looseObject({
  service: z.looseObject({ namespace: z.string(), name: z.string() }).nullish(),
  caBundle: z.string().nullish(),
})
const configurationSchema = z.looseObject({
  webhooks: z.array(z.looseObject({ name: z.string(), clientConfig: clientConfigSchema })).min(1),
})

/** Whom a `ValidatingWebhookConfiguration` asks: `others` if it is not kube-fledged's alone, and nothing to touch. */
export type Asked =
  | { readonly kind: 'us' }
  | { readonly kind: 'service'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'others' }

/** Whom a configuration asks that does not have our name. */
export function whomItAsks(configuration: unknown, us: WebhookService): Asked {
  const read = configurationSchema.safeParse(configuration).data
  const webhooks = read?.webhooks ?? []
  const [first] = webhooks
  const service = first?.clientConfig.service
  if (!service || webhooks.some(({ name }) => name !== webhookName)) return { kind: 'others' }
  const { namespace, name } = service
  return namespace === us.namespace && name === us.name ? { kind: 'us' } : { kind: 'service', namespace, name }
}

export interface HealOptions {
  readonly service: WebhookService
  /** Authorities to be believed, in PEM; undefined if that is for somebody else to say. */
  readonly trusted: readonly string[] | undefined
}

/**
 * The configuration with kube-fledged's webhook in it asking our Service, and believing whom it has to believe; undefined if it
 * does so already. What else it says, and what else is in it, stays.
 */
export function healedConfiguration(configuration: unknown, { service, trusted }: HealOptions): object | undefined {
  const read = configurationSchema.safeParse(configuration).data
  if (!read) return undefined
  const asked = { namespace: service.namespace, name: service.name, path: validatePath, port: service.port }
  const webhooks = read.webhooks.map((webhook) => {
    if (webhook.name !== webhookName) return webhook
    const { caBundle } = webhook.clientConfig
    const bundle = trusted && !isSameBundle(caBundle, trusted) ? bundleOf(trusted) : caBundle
    return { ...webhook, clientConfig: { service: asked, ...(typeof bundle === 'string' && { caBundle: bundle }) } }
  })
  return isDeepStrictEqual(webhooks, read.webhooks) ? undefined : { ...read, webhooks }
}

/** Whether all webhooks of kube-fledged's name in a configuration believe an authority. */
export function isTrustedBy(configuration: unknown, authority: string): boolean {
  const read = configurationSchema.safeParse(configuration).data
  const own = (read?.webhooks ?? []).filter(({ name }) => name === webhookName)
  return own.every(({ clientConfig }) => bundledIn(clientConfig.caBundle).includes(authority))
}

function isSameBundle(caBundle: string | null | undefined, trusted: readonly string[]): boolean {
  const bundled = bundledIn(caBundle)
  return bundled.length === trusted.length && trusted.every((authority) => bundled.includes(authority))
}

function bundledIn(caBundle: string | null | undefined): string[] {
  return certificatesIn(Buffer.from(caBundle ?? '', 'base64').toString())
}

function bundleOf(authorities: readonly string[]): string {
  return Buffer.from(authorities.join('')).toString('base64')
}

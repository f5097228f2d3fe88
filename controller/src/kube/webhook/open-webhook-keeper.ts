import { randomUUID } from 'node:crypto'
import { createKubeApi } from '../kube-api.ts'
import { readKubeConfig, type KubeConfigOptions } from '../kube-config.ts'
import { createWebhookKeeper, type WebhookKeeper, type WebhookKeeperOptions } from './webhook-keeper.ts'

export interface OpenWebhookKeeperOptions
  extends KubeConfigOptions, Omit<WebhookKeeperOptions, 'api' | 'random' | 'now' | 'who' | 'service'> {
  readonly userAgent: string
  readonly service: { readonly name: string; readonly port: number; readonly namespace: string | undefined }
}

/**
 * Opens a cluster to keep its webhook; its API server need not answer yet. A Service without a namespace is in that of the pod or of
 * the kubeconfig, else in `default`.
 * @throws Fault invalid if nothing says which cluster it is
 */
export function openWebhookKeeper(options: OpenWebhookKeeperOptions): WebhookKeeper & Disposable {
  const config = readKubeConfig(options)
  const { namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default' } = options.service
  const api = createKubeApi({ config, userAgent: options.userAgent })
  const keeper = createWebhookKeeper({
    ...options,
    api,
    service: { ...options.service, namespace },
    who: `stowage-webhook-${randomUUID()}`,
    random: Math.random,
    now: Date.now,
  })
  return { ...keeper, [Symbol.dispose]: () => api[Symbol.dispose]() }
}

import * as z from 'zod'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { SecretData } from '../../webhook/webhook-certificates.ts'
import type { KubeApi } from '../kube-api.ts'
import type { KubeObject } from '../kube-object.ts'
import type { KubeResource } from '../kube-resource.ts'

const configurations = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'

/** Something of a namespace, by name. */
export interface NamespacedName {
  readonly namespace: string
  readonly name: string
}

/** One Secret: a watch for this one name needs no right to any other. */
export function oneSecretResource({ namespace, name }: NamespacedName): KubeResource {
  return {
    name: `Secret ${namespace}/${name}`,
    apiVersion: 'v1',
    kind: 'Secret',
    path: `/api/v1/namespaces/${namespace}/secrets`,
    fieldSelector: `metadata.name=${name}`,
  }
}

/** One configuration of webhooks. */
export function oneWebhookConfigurationResource(name: string): KubeResource {
  return {
    name: `ValidatingWebhookConfiguration ${name}`,
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    path: configurations,
    fieldSelector: `metadata.name=${name}`,
  }
}

/** What keeping a webhook alive takes of an API server. All throw Faults: conflict if somebody was faster. */
export interface WebhookClient {
  /** Makes a Secret that is not there, as who must differ from process to process. */
  createSecret(at: NamespacedName, data: SecretData, who: string): Promise<unknown>
  updateSecret(object: KubeObject, data: SecretData): Promise<unknown>
  updateConfiguration(object: object): Promise<unknown>
  deleteConfiguration(object: KubeObject): Promise<unknown>
  /** Whether a Service is there and a pod stands behind it. */
  isServed(service: NamespacedName): Promise<boolean>
}

const serviceSchema = z.object({ spec: z.object({ type: z.string().optional() }) })
const slicesSchema = z.object({
  items: z.array(
    z.object({
      endpoints: z.array(z.object({ conditions: z.object({ ready: z.boolean().nullish() }).nullish() })).nullish(),
    }),
  ),
})

export function createWebhookClient(api: KubeApi, signal: AbortSignal): WebhookClient {
  const secretPath = ({ namespace, name }: NamespacedName): string => `/api/v1/namespaces/${namespace}/secrets/${name}`

  /** @throws Fault unavailable also for an answer of another shape, as something in between may give it */
  async function read<T>(schema: z.ZodType<T>, path: string, query?: Record<string, string>): Promise<T> {
    const answer = schema.safeParse(await api.request({ method: 'GET', path, ...(query && { query }), signal }))
    if (answer.success) return answer.data
    throw new Fault('unavailable', `GET ${path}: not the answer of an API server`, { cause: answer.error })
  }

  async function hasPods({ namespace, name }: NamespacedName): Promise<boolean> {
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
    const query = { labelSelector: `kubernetes.io/service-name=${name}` }
    const { items } = await read(slicesSchema, path, query)
    return items.some(({ endpoints }) => (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false))
  }

  return {
    createSecret(at, data, who) {
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: at, type: 'Opaque', data }
      // The right to create can be bound to a name only for requests whose path has one, so this is no POST.
      const contentType = 'application/apply-patch+yaml'
      const query = { fieldManager: who }
      return api.request({ method: 'PATCH', path: secretPath(at), query, body, contentType, signal })
    },

    updateSecret(object, data) {
      const { namespace = '', name } = object.metadata
      return api.request({ method: 'PUT', path: secretPath({ namespace, name }), body: { ...object, data }, signal })
    },

    updateConfiguration(object) {
      const { name } = (object as KubeObject).metadata
      return api.request({ method: 'PUT', path: `${configurations}/${name}`, body: object, signal })
    },

    deleteConfiguration({ metadata: { name, uid, resourceVersion } }) {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } }
      return api.request({ method: 'DELETE', path: `${configurations}/${name}`, body, signal })
    },

    async isServed(service) {
      const path = `/api/v1/namespaces/${service.namespace}/services/${service.name}`
      try {
        const { spec } = await read(serviceSchema, path)
        return spec.type === 'ExternalName' || (await hasPods(service))
      } catch (error) {
        if (isFault(error, 'not-found')) return false
        throw error
      }
    },
  }
}

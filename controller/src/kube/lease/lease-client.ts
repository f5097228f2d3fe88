import { Fault, isFault } from '@stowage/mirror/oci/fault'
import * as z from 'zod'
import type { KubeApi } from '../kube-api.ts'
import { leaseSchema, type Lease } from './lease.ts'
import type { LeaseName } from './plan-lease.ts'

/** One Lease of an API server. */
export interface LeaseClient {
  /** Undefined if there is none. @throws Fault denied | unavailable */
  read(signal: AbortSignal): Promise<Lease | undefined>
  /** @throws Fault conflict if somebody was faster; denied | unavailable, and then it may have been made all the same */
  create(lease: object, signal: AbortSignal): Promise<Lease>
  /** Writes it if its resourceVersion still is that of `lease`. @throws Fault as `create`; not-found */
  update(lease: object, signal: AbortSignal): Promise<Lease>
}

export function createLeaseClient(api: KubeApi, { namespace, name }: LeaseName): LeaseClient {
  const all = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`

  async function ask(method: 'GET' | 'POST' | 'PUT', path: string, signal: AbortSignal, body?: object): Promise<Lease> {
    try {
      return leaseSchema.parse(await api.request({ method, path, signal, ...(body && { body }) }))
    } catch (cause) {
      if (isFault(cause, 'denied')) {
        const hint = `who elects a leader needs get and update of Lease ${name} in namespace ${namespace}, and create there`
        throw new Fault('denied', `${cause.message}; ${hint}`, { cause })
      }
      if (cause instanceof z.ZodError)
        throw new Fault('unavailable', `${path}: not a Lease of an API server`, { cause })
      throw cause
    }
  }

  return {
    async read(signal) {
      try {
        return await ask('GET', `${all}/${name}`, signal)
      } catch (error) {
        if (isFault(error, 'not-found')) return undefined
        throw error
      }
    },
    create: (lease, signal) => ask('POST', all, signal, lease),
    update: (lease, signal) => ask('PUT', `${all}/${name}`, signal, lease),
  }
}

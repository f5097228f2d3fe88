import { isFault } from '@stowage/mirror/oci/fault'
import * as z from 'zod'
import type { KubeApi } from './kube-api.ts'

const definitionSchema = z.object({
  metadata: z.object({ uid: z.string(), deletionTimestamp: z.string().optional() }),
})
const discoverySchema = z.object({ resources: z.array(z.object({ name: z.string(), verbs: z.array(z.string()) })) })

/** A CustomResourceDefinition that is there, by its uid if that may be read; or that is being deleted, or gone. */
export type DefinitionState = { readonly uid: string | undefined } | 'going'

/**
 * Whether a CustomResourceDefinition (`imagecaches.kubefledged.io`) is there to stay. Its deletion is written down before the
 * first of its objects goes.
 * @throws Fault if nobody can say
 */
export async function definitionState(api: KubeApi, name: string, signal: AbortSignal): Promise<DefinitionState> {
  try {
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`
    const { metadata } = definitionSchema.parse(await api.request({ method: 'GET', path, signal }))
    return metadata.deletionTimestamp === undefined ? { uid: metadata.uid } : 'going'
  } catch (error) {
    if (isFault(error, 'not-found')) return 'going'
    if (isFault(error, 'denied')) return stateByDiscovery(api, name, signal)
    throw error
  }
}

/** For who may not read it: nobody can create objects of a definition that is going. */
async function stateByDiscovery(api: KubeApi, name: string, signal: AbortSignal): Promise<DefinitionState> {
  const [plural = '', ...group] = name.split('.')
  try {
    const versions = z
      .object({ versions: z.array(z.object({ groupVersion: z.string() })) })
      .parse(await api.request({ method: 'GET', path: `/apis/${group.join('.')}`, signal }))
    const path = `/apis/${versions.versions[0]?.groupVersion ?? ''}`
    const { resources } = discoverySchema.parse(await api.request({ method: 'GET', path, signal }))
    const verbs = resources.find((resource) => resource.name === plural)?.verbs ?? []
    return verbs.includes('create') ? { uid: undefined } : 'going'
  } catch (error) {
    if (isFault(error, 'not-found')) return 'going'
    throw error
  }
}

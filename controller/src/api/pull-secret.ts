import type { CredentialEntry } from '@stowage/mirror/registry/credential'
import { parsePullSecret } from '@stowage/mirror/registry/docker-config'
import * as z from 'zod'
import { defaultNamespace, objectMetaSchema } from './object-meta.ts'

/** `v1 Secret`, as far as registries' credentials go. */
export const secretSchema = z.object({
  apiVersion: z.literal('v1'),
  kind: z.literal('Secret'),
  metadata: objectMetaSchema,
  type: z.string().nullish(),
  data: z.record(z.string(), z.string()).nullish(),
  stringData: z.record(z.string(), z.string()).nullish(),
})
export type SecretObject = z.infer<typeof secretSchema>

/** Credentials for registries: what `imagePullSecrets` of a cache in the same namespace may name. */
export interface PullSecret {
  readonly namespace: string
  readonly name: string
  readonly credentials: readonly CredentialEntry[]
}

const types = new Set(['kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg'])

/**
 * Reads the credentials of a Secret; undefined for a Secret that holds something else.
 * @throws Fault invalid, never with a word of the content
 */
export function toPullSecret({ metadata, type, data, stringData }: SecretObject): PullSecret | undefined {
  if (!type || !types.has(type)) return undefined
  const names = { namespace: metadata.namespace ?? defaultNamespace, name: metadata.name }
  const content = { data: data ?? undefined, stringData: stringData ?? undefined }
  return { ...names, credentials: parsePullSecret({ ...names, type, ...content }) }
}

import { Fault } from '@stowage/mirror/oci/fault'
import * as z from 'zod'
import { goDuration } from './go-duration.ts'

/** For which images an answer is kept: for this one, for all of its registry, or for all that the plugin is asked for. */
export type CacheKeyType = 'Image' | 'Registry' | 'Global'

/** What a plugin answered. */
export interface PluginAnswer {
  readonly cacheKeyType: CacheKeyType
  /** How long it may be kept, in milliseconds; undefined if it does not say so. */
  readonly cacheMs: number | undefined
  /** By the pattern of images that it is for. */
  readonly auth: Readonly<Record<string, { readonly username: string; readonly password: string }>>
}

const typeSchema = z.object({ apiVersion: z.string(), kind: z.string() }).catch({ apiVersion: '', kind: '' })
const answerSchema = z.object({
  cacheKeyType: z.enum(['Image', 'Registry', 'Global']),
  cacheDuration: goDuration.nullish(),
  auth: z
    .record(z.string(), z.object({ username: z.string().default(''), password: z.string().default('') }))
    .nullish(),
})

/**
 * Reads a CredentialProviderResponse (credentialprovider.kubelet.k8s.io).
 * @throws Fault unavailable that says what the plugin did, as the rest of a sentence, and nothing of its text
 */
export function parseAnswer(output: string, apiVersion: string): PluginAnswer {
  const json = parseJson(output)
  const type = typeSchema.parse(json)
  if (type.kind !== 'CredentialProviderResponse')
    throw wrong('answered something that is not a CredentialProviderResponse')
  if (type.apiVersion !== apiVersion) throw wrong(`answered in another apiVersion than ${apiVersion}`)
  const { cacheKeyType, cacheDuration, auth } = parseFields(json)
  return { cacheKeyType, cacheMs: cacheDuration ?? undefined, auth: auth ?? {} }
}

function parseJson(output: string): unknown {
  try {
    return JSON.parse(output)
  } catch {
    // Not kept as the cause: its message quotes the text, which may hold a password.
    throw wrong('answered something that is not JSON')
  }
}

function parseFields(json: unknown): z.infer<typeof answerSchema> {
  const result = answerSchema.safeParse(json)
  if (result.success) return result.data
  const [field = ''] = (result.error.issues[0]?.path ?? []).map(String)
  throw wrong(`answered with a field ${field} that cannot be read`)
}

/** What went wrong may go right the next time: a plugin asks others, too. */
function wrong(what: string): Fault {
  return new Fault('unavailable', what)
}

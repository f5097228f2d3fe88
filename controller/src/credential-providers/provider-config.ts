import { Fault } from '@stowage/mirror/oci/fault'
import { parseDocument } from 'yaml'
import * as z from 'zod'
import { fieldProblems } from '../api/field-problem.ts'
import { goDuration } from './go-duration.ts'
import { whyNotPattern } from './match-image.ts'

const protocols = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `credentialprovider.kubelet.k8s.io/${version}`)
const kinds = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `kubelet.config.k8s.io/${version}`)

/** A plugin as a CredentialProviderConfig names it. */
export interface CredentialProvider {
  /** Of its file; nothing of a path. */
  readonly name: string
  readonly matchImages: readonly string[]
  /** How long an answer is kept that does not say so itself, in milliseconds; 0 for not at all. */
  readonly defaultCacheMs: number
  /** Of request and answer. */
  readonly apiVersion: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const text = z.string().refine((value) => !value.includes('\0'), 'holds a NUL')

const name = text
  .min(1, 'is missing')
  .refine(
    (value) => !/[/\s]/.test(value) && value !== '.' && value !== '..',
    'must be the plain name of a file in the directory',
  )

const pattern = z.string().superRefine((value, context) => {
  const message = whyNotPattern(value)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

const variable = z.strictObject({
  name: text.min(1, 'is missing').refine((key) => !key.includes('='), 'holds a ='),
  value: text,
})

const providerSchema = z.strictObject({
  name,
  matchImages: z.array(pattern).min(1, 'names no image'),
  defaultCacheDuration: goDuration,
  apiVersion: z.enum(protocols),
  args: z.array(text).nullish(),
  env: z.array(variable).nullish(),
  tokenAttributes: z
    .null(
      'is not supported: no pod asks for these images, so there is no service account whose token a plugin could have',
    )
    .optional(),
})

const configSchema = z.strictObject({
  apiVersion: z.enum(kinds),
  kind: z.literal('CredentialProviderConfig'),
  providers: z.array(providerSchema).min(1, 'names no plugin'),
})

/**
 * Reads a CredentialProviderConfig in YAML or JSON, as strictly as the kubelet does (kubelet.config.k8s.io/v1, and
 * pkg/credentialprovider/plugin/config.go of Kubernetes). `origin` is its name in messages.
 * @throws Fault invalid, with each field that is wrong; never with a value of `env`
 */
export function parseProviderConfig(content: string, origin: string): CredentialProvider[] {
  const document = parseDocument(content, { prettyErrors: false })
  const [broken] = document.errors
  if (broken) throw new Fault('invalid', `${origin}: not valid YAML: ${broken.message}`)
  const result = configSchema.safeParse(document.toJS() as unknown)
  if (result.success) return result.data.providers.map(toProvider)
  const problems = fieldProblems(result.error).map(({ field, message }) => `${field || 'the text'}: ${message}`)
  throw new Fault('invalid', `${origin}: ${problems.join('; ')}`)
}

function toProvider({
  defaultCacheDuration,
  args,
  env,
  ...provider
}: z.infer<typeof providerSchema>): CredentialProvider {
  return {
    name: provider.name,
    matchImages: provider.matchImages,
    apiVersion: provider.apiVersion,
    defaultCacheMs: defaultCacheDuration,
    args: args ?? [],
    env: Object.fromEntries((env ?? []).map(({ name: key, value }) => [key, value])),
  }
}

import * as z from 'zod'
import { Fault } from '../oci/fault.ts'
import type { Credential, CredentialEntry } from './credential.ts'

/** What a Docker `config.json` says about credentials. */
export interface DockerConfig {
  /** Where it was read, for messages. */
  readonly origin: string
  readonly entries: readonly CredentialEntry[]
  /** Host to helper name. */
  readonly credHelpers: Readonly<Record<string, string>>
  /** The helper for every other host. */
  readonly credsStore?: string | undefined
}

const text = z.string().nullish()
const authSchema = z.object({ username: text, password: text, auth: text, identitytoken: text })
const authsSchema = z.record(z.string(), authSchema)
const configSchema = z.object({
  auths: authsSchema.nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: text,
})

/** A Kubernetes Secret as its YAML has it: `data` in base64, `stringData` as it is. */
export interface PullSecret {
  readonly namespace: string
  readonly name: string
  readonly type?: string | undefined
  readonly data?: Readonly<Record<string, string>> | undefined
  readonly stringData?: Readonly<Record<string, string>> | undefined
}

/**
 * Reads the text of a Docker `config.json` (or podman's `auth.json`); `origin` is its name in messages.
 * @throws Fault invalid, never with any of the text
 */
export function parseDockerConfig(json: string, origin: string): DockerConfig {
  const { auths, credHelpers, credsStore } = check(configSchema, json, origin)
  return {
    origin,
    entries: entriesOf(auths ?? {}, origin),
    credHelpers: credHelpers ?? {},
    ...(credsStore ? { credsStore } : {}),
  }
}

/**
 * Reads a Secret of type `kubernetes.io/dockerconfigjson` or of the older `kubernetes.io/dockercfg`, as the kubelet does.
 * @throws Fault invalid
 */
export function parsePullSecret(secret: PullSecret): CredentialEntry[] {
  const origin = `Secret ${secret.namespace}/${secret.name}`
  const config = fieldOf(secret, '.dockerconfigjson')
  if (config !== undefined) return [...parseDockerConfig(config, origin).entries]
  const legacy = fieldOf(secret, '.dockercfg')
  if (legacy !== undefined) return entriesOf(check(authsSchema, legacy, origin), origin)
  throw new Fault(
    'invalid',
    `${origin} is of type ${secret.type ?? 'Opaque'} and holds no .dockerconfigjson; image pull secrets are of type kubernetes.io/dockerconfigjson`,
  )
}

function fieldOf({ data, stringData }: PullSecret, key: string): string | undefined {
  const encoded = data?.[key]
  return stringData?.[key] ?? (encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString())
}

function entriesOf(auths: z.infer<typeof authsSchema>, origin: string): CredentialEntry[] {
  return Object.entries(auths).flatMap(([key, auth]) => {
    const credential = credentialOf(auth, { key, origin })
    return credential ? [{ key, credential }] : []
  })
}

/** Entries without anything in them are what `docker login` leaves behind when a helper keeps the secret. */
function credentialOf(
  auth: z.infer<typeof authSchema>,
  { key, origin }: { key: string; origin: string },
): Credential | undefined {
  const decoded = auth.auth ? decodeAuth(auth.auth) : undefined
  if (auth.auth && !decoded) {
    throw new Fault('invalid', `${origin}: auth of "${key}" is not the base64 of USER:PASSWORD`)
  }
  const { username, password } = decoded ?? { username: auth.username ?? '', password: auth.password ?? '' }
  if (auth.identitytoken) return { username, password: '', identityToken: auth.identitytoken, origin }
  return username === '' && password === '' ? undefined : { username, password, origin }
}

/** Padded or not; the user ends at the first colon; Docker once padded passwords with NUL. */
function decodeAuth(auth: string): { username: string; password: string } | undefined {
  if (!/^[A-Za-z0-9+/_-]+=*$/.test(auth.trim())) return undefined
  const decoded = Buffer.from(auth.trim(), 'base64').toString()
  const colon = decoded.indexOf(':')
  if (colon < 0) return undefined
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, '') }
}

function check<Schema extends z.ZodType>(schema: Schema, json: string, origin: string): z.infer<Schema> {
  const result = schema.safeParse(parseJson(json, origin))
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new Fault('invalid', `${origin}: ${issue?.path.join('.') || 'the text'}: ${issue?.message ?? 'is not valid'}`)
}

function parseJson(json: string, origin: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // Not kept as the cause: the message of a SyntaxError quotes the text, and that holds passwords.
    throw new Fault('invalid', `${origin} is not JSON`)
  }
}

import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import { Fault } from '@stowage/mirror/oci/fault'
import { parseAccessRules, simpleRules } from '@stowage/mirror/server/access/access-rules'
import { createAccess, type RegistryAccess } from '@stowage/mirror/server/access/create-access'
import { parseHtpasswd } from '@stowage/mirror/server/access/htpasswd'
import type { RateLimit } from '@stowage/mirror/server/access/rate-limit'
import type { AddressOf } from '@stowage/mirror/server/client-address'
import { parseTokens } from '@stowage/mirror/server/access/static-tokens'
import { followFiles, readFiles } from '@stowage/mirror/server/follow-files'
import type { Logger } from 'pino'
import { naming } from '../naming.ts'
import { readNamedFile } from '../network-settings.ts'
import type { ListenerFlags } from './listener-options.ts'

export interface OpenedAccess {
  readonly access: RegistryAccess
  readonly hasUsers: boolean
  /** Follow the files. */
  readonly loops: ReadonlyArray<(signal: AbortSignal) => Promise<void>>
}

interface OpenAccessOptions {
  readonly limit: RateLimit | undefined
  readonly addressOf: AddressOf | undefined
  readonly log: Logger
}

type AccessFlags = Omit<ListenerFlags, 'listen'>

/**
 * Reads who may do what; undefined if no flag says anything of it.
 * @throws Fault invalid
 */
export async function openAccess(
  flags: AccessFlags,
  { limit, addressOf, log }: OpenAccessOptions,
): Promise<OpenedAccess | undefined> {
  const { htpasswdFile, tokenFile, accessFile, anonymousPull = false, challenge } = flags
  const hasUsers = htpasswdFile !== undefined || tokenFile !== undefined
  if (!hasUsers && accessFile === undefined && !anonymousPull) return undefined
  if (accessFile !== undefined && anonymousPull) {
    throw new Fault('invalid', '--anonymous-pull and --access-file: say in the file who may pull what')
  }
  const hashes = await follow({
    flag: '--htpasswd-file',
    file: htpasswdFile,
    parse: parseHtpasswd,
    what: 'passwords',
    log,
  })
  const tokens = await follow({ flag: '--token-file', file: tokenFile, parse: parseTokens, what: 'tokens', log })
  const rules = await follow({
    flag: '--access-file',
    file: accessFile,
    parse: parseAccessRules,
    what: 'rules of access',
    log,
  })
  const [noHashes, noTokens, noRules] = [parseHtpasswd(''), parseTokens(''), simpleRules({ anonymousPull })]
  const access = createAccess({
    accounts: () => ({ hashes: hashes.current() ?? noHashes, tokens: tokens.current() ?? noTokens }),
    rules: () => rules.current() ?? noRules,
    hasUsers,
    challenge,
    key: await tokenKey(flags),
    limit,
    addressOf,
  })
  return { access, hasUsers, loops: [...hashes.loops, ...tokens.loops, ...rules.loops] }
}

interface Followed<Value> extends Pick<OpenedAccess, 'loops'> {
  /** Undefined where there is no file. */
  readonly current: () => Value | undefined
}

interface FollowOptions<Value> {
  readonly flag: string
  readonly file: string | undefined
  readonly parse: (text: string) => Value
  readonly what: string
  readonly log: Logger
}

async function follow<Value>({ flag, file, parse, what, log }: FollowOptions<Value>): Promise<Followed<Value>> {
  if (file === undefined) return { current: () => undefined, loops: [] }
  const read = { files: [file], parse: ([text = '']: readonly string[]) => parse(text) }
  let current: Value = await naming(flag, readFiles(read))
  const onValue = (value: Value): void => void (current = value)
  return { current: () => current, loops: [(signal) => followFiles({ ...read, onValue, what, log }, signal)] }
}

/** @throws Fault invalid | not-found | denied */
async function tokenKey({ tokenKeyFile }: AccessFlags): Promise<KeyObject> {
  if (tokenKeyFile === undefined) return createSecretKey(randomBytes(32))
  const text = (await readNamedFile('--token-key-file', tokenKeyFile)).trim()
  if (text.length >= 32) return createSecretKey(Buffer.from(text))
  throw new Fault(
    'invalid',
    `--token-key-file ${tokenKeyFile}: it has fewer than 32 characters; make one with: openssl rand -hex 32`,
  )
}

import { Fault } from '@stowage/mirror/oci/fault'
import { openPrivatePrefixes } from '@stowage/mirror/pull-through/private-prefixes'
import { createUpstream, type Upstream } from '@stowage/mirror/pull-through/upstream'
import { allUpstreams, parseUpstreams, type UpstreamEntry } from '@stowage/mirror/pull-through/upstreams-document'
import type { CredentialSource } from '@stowage/mirror/registry/credential'
import { createRegistryClient } from '@stowage/mirror/registry/registry-client'
import type { RegistryConnectionOptions } from '@stowage/mirror/registry/registry-connection'
import { followFiles, readFiles } from '@stowage/mirror/server/follow-files'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Logger } from 'pino'
import type { CommandContext } from './command-context.ts'
import { createDockerConfigs } from './docker-configs.ts'
import { naming } from './naming.ts'
import { readNetworkSettings } from './network-settings.ts'

/** The upstreams that are asked at the moment: those of a file, which may change, and those of flags. */
export interface UpstreamsInForce extends AsyncDisposable {
  now(): readonly Upstream[]
  /** Below which lies what was fetched with a credential. */
  privatePrefixes(): readonly string[]
  /** Does as the file says, and as those of credentials that it names, whenever that is something else, until the signal. */
  follow(signal: AbortSignal): Promise<void>
}

export interface UpstreamsInForceOptions {
  readonly file: string | undefined
  /** Those of flags. */
  readonly named: readonly UpstreamEntry[]
  /** Whether anybody on the network may read everything. */
  readonly isExposed: boolean
  readonly objects: ObjectStore
  readonly log: Logger
}

/** Quicker to notice a link that is cut than containerd, which wants to see bytes. */
const timeouts = { connectMs: 10_000, headersMs: 20_000, stallMs: 20_000 }

/** @throws Fault invalid | not-found | denied */
export async function openUpstreams(
  context: CommandContext,
  { file, named, isExposed, objects, log }: UpstreamsInForceOptions,
): Promise<UpstreamsInForce> {
  await using opening = new AsyncDisposableStack()
  const connections = opening.use(new AsyncDisposableStack())
  const source = {
    files: file === undefined ? [] : [file],
    parse: ([text]: readonly string[]) => allUpstreams(text === undefined ? [] : parseUpstreams(text), named),
  }
  const known = new Map<string, Upstream>()
  let inForce: readonly Upstream[] = []
  let privatePrefixes: readonly string[] = []
  const dockerConfigs = createDockerConfigs(log)
  await use(file === undefined ? await readFiles(source) : await naming('--upstreams', readFiles(source)))
  const opened = opening.move()

  /** Of whom nothing else is said than before, what is known of him stays: that he is away, what he may be asked. */
  async function upstreamOf(entry: UpstreamEntry): Promise<Upstream> {
    const before = known.get(keyOf(entry))
    if (before) return before
    const { host, dockerConfig } = entry
    const where = [file ?? [], `upstream ${host}`].flat().join(': ')
    const options = await naming(where, clientOptions(context, entry, log))
    const docker = dockerConfig && (await naming(`${where}: dockerConfig`, dockerConfigs.open(dockerConfig)))
    const credentials = docker ? underName(host, docker.credentials) : undefined
    // What comes by way of one that is named no more comes to its end.
    const connect = (onHeaders: RegistryConnectionOptions['onHeaders']) => {
      const client = connections.use(createRegistryClient({ ...options, credentials, onHeaders }))
      if (docker) docker.onChange(() => client.connection.forgetCredentials())
      return client
    }
    const upstream = createUpstream({
      settings: entry,
      connect,
      now: () => performance.now(),
      random: Math.random,
    })
    known.set(keyOf(entry), upstream)
    return upstream
  }

  async function use(entries: readonly UpstreamEntry[]): Promise<void> {
    const [exposedEntry] = isExposed ? entries.filter(({ isPrivate }) => isPrivate) : []
    if (exposedEntry) refusePrivate(exposedEntry.host)
    const upstreams = await Promise.all(entries.map(upstreamOf))
    privatePrefixes = await openPrivatePrefixes(objects, entries)
    // Of an earlier time, whose upstream may be named no more.
    const [exposedPrefix] = isExposed ? privatePrefixes : []
    if (exposedPrefix !== undefined) refusePrivate(exposedPrefix)
    inForce = upstreams
    for (const key of new Set(known.keys()).difference(new Set(entries.map(keyOf)))) known.delete(key)
    dockerConfigs.use(new Set(entries.flatMap(({ dockerConfig = [] }) => dockerConfig)))
  }

  return {
    now: () => inForce,
    privatePrefixes: () => privatePrefixes,
    async follow(signal) {
      if (file === undefined) return
      let changing = Promise.resolve()
      const onValue = (entries: readonly UpstreamEntry[]): void => {
        changing = changing
          .then(() => use(entries))
          .catch((err: unknown) => {
            log.warn({ err, file }, 'upstreams not changed; those that were there before stay in force')
          })
      }
      const following = followFiles({ ...source, onValue, what: 'upstreams', log }, signal)
      await Promise.all([following, dockerConfigs.follow(signal)])
      await changing
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** All that is said of it. */
function keyOf(entry: UpstreamEntry): string {
  return JSON.stringify(entry)
}

function refusePrivate(what: string): never {
  throw new Fault(
    'invalid',
    `what comes from ${what} is fetched with credentials, and anybody who reaches --listen could read it: ask for ` +
      'credentials here (--htpasswd-file), listen on loopback, or say "private: false" of that upstream if it is meant for all',
  )
}

async function clientOptions(
  context: CommandContext,
  { host, url, caFile, proxy }: UpstreamEntry,
  log: Logger,
): Promise<RegistryConnectionOptions> {
  const network = await readNetworkSettings(context, caFile, 'caFile')
  return {
    ...network,
    ...(proxy !== undefined && { proxy: { httpProxy: proxy, httpsProxy: proxy } }),
    registry: url ?? host,
    timeouts,
    staysOutside: true,
    log,
  }
}

/** Credentials are kept under the name of a registry, wherever it is spoken to. */
function underName(registry: string, credentials: CredentialSource): CredentialSource {
  return (image, options) => credentials({ ...image, registry }, options)
}

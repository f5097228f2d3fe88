import type { Meter } from '@stowage/mirror/metrics/meter'
import { Fault } from '@stowage/mirror/oci/fault'
import { createPullThrough } from '@stowage/mirror/pull-through/create-pull-through'
import { openPrivatePrefixes } from '@stowage/mirror/pull-through/private-prefixes'
import { createUpstream, type Upstream } from '@stowage/mirror/pull-through/upstream'
import {
  allUpstreams,
  parseUpstreams,
  plainUpstream,
  type UpstreamEntry,
} from '@stowage/mirror/pull-through/upstreams-document'
import type { CredentialSource } from '@stowage/mirror/registry/credential'
import { createRegistryClient } from '@stowage/mirror/registry/registry-client'
import type { RegistryConnectionOptions } from '@stowage/mirror/registry/registry-connection'
import { readFiles } from '@stowage/mirror/server/follow-files'
import { isLoopback, type ListenAddress } from '@stowage/mirror/server/listen-address'
import type { PullThrough } from '@stowage/mirror/server/pull-through'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { CommandContext } from './command-context.ts'
import { readNetworkSettings } from './network-settings.ts'
import type { Room } from './keep-room.ts'
import { machineCredentials } from './open-registry.ts'
import { eachParsedBy, option } from './option.ts'

export interface UpstreamFlags {
  readonly upstreams?: string
  readonly upstream?: readonly UpstreamEntry[]
}

/** Adds the options that say which registries are pulled through. */
export function withUpstreamOptions(command: Command): Command {
  return command
    .addOption(
      option(
        '--upstreams <file>',
        'registries that images are fetched from when they are asked for, as YAML; see docs/mirror.md',
      ),
    )
    .addOption(
      option(
        '--upstream <host>',
        'the same for a registry of which no more is to be said, such as docker.io; may be repeated',
      ).argParser(eachParsedBy(plainUpstream)),
    )
}

export interface PullThroughSurroundings extends Partial<Room> {
  readonly listen: ListenAddress
  /** Whether anybody who reaches the listener may read everything. */
  readonly isOpen: boolean
  readonly objects: ObjectStore
  readonly store: ContentStore
  readonly log: Logger
  readonly meter?: Meter | undefined
}

/** Quicker to notice a link that is cut than containerd, which wants to see bytes. */
const timeouts = { connectMs: 10_000, headersMs: 20_000, stallMs: 20_000 }

/**
 * Reads what the flags name, and fetches from there what clients ask for; from nowhere if they name nothing.
 * @throws Fault invalid | not-found | denied
 */
export async function openPullThrough(
  context: CommandContext,
  flags: UpstreamFlags,
  { listen, isOpen, objects, store, pulled, evictor, log, meter }: PullThroughSurroundings,
): Promise<PullThrough & AsyncDisposable> {
  const entries = allUpstreams(await readUpstreams(flags.upstreams), flags.upstream ?? [])
  const exposed = isOpen && !isLoopback(listen)
  const [exposedEntry] = exposed ? entries.filter(({ isPrivate }) => isPrivate) : []
  if (exposedEntry) refusePrivate(exposedEntry.host)
  const privatePrefixes = await openPrivatePrefixes(objects, entries)
  // Of an earlier start, whose upstream may be named no more.
  const [exposedPrefix] = exposed ? privatePrefixes : []
  if (exposedPrefix !== undefined) refusePrivate(exposedPrefix)
  await using stack = new AsyncDisposableStack()
  const upstreams: Upstream[] = []
  for (const entry of entries) {
    const options = await clientOptions(context, entry, log)
    const connect = (onHeaders: RegistryConnectionOptions['onHeaders']) =>
      stack.use(createRegistryClient({ ...options, onHeaders }))
    upstreams.push(createUpstream({ settings: entry, connect, now: () => performance.now(), random: Math.random }))
  }
  const pullThrough = stack.use(
    createPullThrough({
      upstreams: () => upstreams,
      store,
      privatePrefixes: () => privatePrefixes,
      pulled,
      evictor,
      log,
      meter,
    }),
  )
  const opened = stack.move()
  return { ...pullThrough, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function readUpstreams(file: string | undefined): Promise<readonly UpstreamEntry[]> {
  if (file === undefined) return []
  return await readFiles({ files: [file], parse: ([text = '']) => parseUpstreams(text) })
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
  { host, url, caFile, proxy, dockerConfig }: UpstreamEntry,
  log: Logger,
): Promise<RegistryConnectionOptions> {
  const network = await readNetworkSettings(context, caFile)
  return {
    ...network,
    ...(proxy !== undefined && { proxy: { httpProxy: proxy, httpsProxy: proxy } }),
    registry: url ?? host,
    ...(dockerConfig !== undefined && {
      credentials: named(host, await machineCredentials(context, { dockerConfig, log })),
    }),
    timeouts,
    staysOutside: true,
    log,
  }
}

/** Credentials are kept under the name of a registry, wherever it is spoken to. */
function named(registry: string, credentials: CredentialSource): CredentialSource {
  return (image, options) => credentials({ ...image, registry }, options)
}

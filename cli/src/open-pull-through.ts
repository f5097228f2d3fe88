import type { Meter } from '@stowage/mirror/metrics/meter'
import { createPullThrough } from '@stowage/mirror/pull-through/create-pull-through'
import { plainUpstream, type UpstreamEntry } from '@stowage/mirror/pull-through/upstreams-document'
import { isLoopback, type ListenAddress } from '@stowage/mirror/server/listen-address'
import type { PullThrough } from '@stowage/mirror/server/pull-through'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { CommandContext } from './command-context.ts'
import type { Room } from './keep-room.ts'
import { eachParsedBy, option } from './option.ts'
import { openUpstreams } from './upstreams-in-force.ts'

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

/** What the flags name, fetched when it is asked for. */
export interface OpenedPullThrough extends PullThrough, AsyncDisposable {
  /** To be run beside the rest, until their signal. */
  readonly loops: readonly ((signal: AbortSignal) => Promise<void>)[]
}

/**
 * Reads what the flags name, and fetches from there what clients ask for; from nowhere if they name nothing.
 * @throws Fault invalid | not-found | denied
 */
export async function openPullThrough(
  context: CommandContext,
  flags: UpstreamFlags,
  { listen, isOpen, objects, store, pulled, evictor, log, meter }: PullThroughSurroundings,
): Promise<OpenedPullThrough> {
  await using stack = new AsyncDisposableStack()
  const { upstreams: file, upstream: named = [] } = flags
  const isExposed = isOpen && !isLoopback(listen)
  const upstreams = stack.use(await openUpstreams(context, { file, named, isExposed, objects, log }))
  const asked = { upstreams: () => upstreams.now(), privatePrefixes: () => upstreams.privatePrefixes() }
  const pullThrough = stack.use(createPullThrough({ ...asked, store, pulled, evictor, log, meter }))
  const opened = stack.move()
  const loops = [(signal: AbortSignal) => upstreams.follow(signal)]
  return { ...pullThrough, loops, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

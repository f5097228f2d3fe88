import { setTimeout as delay } from 'node:timers/promises'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Fence } from '@stowage/mirror/store/remote/remote-connection'
import { openRemoteStore } from '@stowage/mirror/store/remote/remote-store'
import { createIntegrity, type Integrity } from '@stowage/mirror/store/scrub/integrity'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { CommandContext } from './command-context.ts'
import { dataHelp, isBucket, openDataStore, withS3Options, type DataFlags, type DataStore } from './data-store.ts'
import { openMirrorAccess } from './mirror-access.ts'
import { claimForCentre } from './lock/centre-claim.ts'
import { option, parsedBy } from './option.ts'

/** Where a centre keeps content and memory: in a directory or bucket of its own, or in a mirror that others use, too. */
export interface StoreFlags extends Partial<DataFlags> {
  readonly mirror?: URL
  readonly mirrorTokenFile?: string
  readonly caFile?: string
}

/** What a centre keeps everything in. */
export interface CentreStore extends AsyncDisposable, Pick<DataStore, 'redirects'> {
  readonly objects: ObjectStore
  readonly content: ContentStore
  /** The data directory, if it lies in this process. */
  readonly directory: string | undefined
  readonly integrity: Integrity
  /** Another process owns it, and sees to what has to be cleared away in it. */
  readonly isRemote: boolean
  /** Keeps it for this process until the signal. @throws Fault conflict: another centre uses it now */
  keep(signal: AbortSignal): Promise<void>
  /** The same store, written to only while a fence stands. A directory is locked, and a bucket claimed: they need none. */
  fenced(fence: () => Fence | undefined): Pick<CentreStore, 'objects' | 'content'>
}

/** Adds `--data` and `--mirror`, of which one is needed. */
export function withStoreOptions(command: Command): Command {
  return withS3Options(command)
    .addOption(
      option('--data <directory>', `where mirror and memory lie, if in this process; ${dataHelp}`).conflicts('mirror'),
    )
    .addOption(
      option(
        '--mirror <url>',
        'where they lie instead: a "stowage mirror" that serves its objects; several controllers may share it',
      ).argParser(parsedBy(parseMirrorUrl)),
    )
    .addOption(option('--mirror-token-file <file>', "the token that the mirror's --objects-token-file holds, too"))
}

/** @throws Fault invalid */
export function parseMirrorUrl(text: string): URL {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash) return url
  throw new Fault('invalid', 'write http://HOST:PORT or https://HOST:PORT, without user or query')
}

/**
 * Opens the store that the flags name.
 * @throws Fault invalid (flags that do not go together), and what opening a directory or a file may say
 */
export async function openCentreStore(
  context: Pick<CommandContext, 'env' | 'version' | 'signal'>,
  flags: StoreFlags,
  log: Logger,
): Promise<CentreStore> {
  if (flags.mirror) return await openInMirror(context, { ...flags, mirror: flags.mirror }, log)
  if (flags.data === undefined)
    throw new Fault('invalid', 'give --data DIRECTORY, or --mirror URL with --mirror-token-file')
  if (flags.mirrorTokenFile !== undefined) throw new Fault('invalid', '--mirror-token-file goes with --mirror URL')
  return await openHere({ ...flags, data: flags.data }, { log, signal: context.signal })
}

async function openHere(
  flags: DataFlags,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<CentreStore> {
  await using opening = new AsyncDisposableStack()
  const { objects, ...data } = opening.use(await openDataStore(flags))
  const claim = isBucket(flags.data)
    ? opening.use(await claimForCentre(objects, { place: flags.data, log, signal }))
    : undefined
  const integrity = createIntegrity(objects)
  const content = createContentStore(objects, { integrity })
  const opened = opening.move()
  return {
    ...data,
    objects,
    content,
    integrity,
    isRemote: false,
    keep: async (until) => claim?.keep(until),
    fenced: () => ({ objects, content }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function openInMirror(
  context: Pick<CommandContext, 'env' | 'version'>,
  { mirror, mirrorTokenFile, caFile }: StoreFlags & { readonly mirror: URL },
  log: Logger,
): Promise<CentreStore> {
  if (mirrorTokenFile === undefined) {
    const wanted = 'a token of the --objects-token-file that the mirror was started with'
    throw new Fault('invalid', `--mirror needs --mirror-token-file FILE: ${wanted}`)
  }
  const access = await openMirrorAccess(context, { url: mirror, tokenFile: mirrorTokenFile, caFile }, log)
  const opened = new AsyncDisposableStack()
  const open = (fence?: () => Fence | undefined): Pick<CentreStore, 'objects' | 'content' | 'integrity'> => {
    const objects = opened.use(openRemoteStore({ ...access, fence, log }))
    const integrity = createIntegrity(objects)
    return { objects, content: createContentStore(objects, { integrity }), integrity }
  }
  return {
    ...open(),
    directory: undefined,
    redirects: undefined,
    isRemote: true,
    keep: () => Promise.resolve(),
    fenced: open,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const lookAgainMs = 2000

/** Waits until a store can be read, and says once why it has to wait. Ends early with the signal. */
export async function untilReachable(
  objects: Pick<ObjectStore, 'list'>,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  let trouble: string | undefined
  while (!signal.aborted) {
    try {
      for await (const _ of objects.list('controller/')) break
      if (trouble !== undefined) log.info('the store can be reached')
      return
    } catch (err) {
      if (!isFault(err, 'unavailable')) throw err
      if (err.message !== trouble) log.warn({ err }, 'waiting for the store: the controller does nothing without it')
      trouble = err.message
    }
    // Being stopped is one way in which this ends.
    await delay(lookAgainMs, undefined, { signal }).catch(() => undefined)
  }
}

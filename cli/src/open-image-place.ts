import { controllerRoots } from '@stowage/controller/mirroring/controller-roots'
import type { ImagePlace } from '@stowage/mirror/images/image-place'
import { createRegistryImages } from '@stowage/mirror/images/registry-images'
import { createStoreImages } from '@stowage/mirror/images/store-images'
import { createRegistryClient } from '@stowage/mirror/registry/registry-client'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createHolds } from '@stowage/mirror/store/holds'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { CommandContext } from './command-context.ts'
import {
  mirrorPlaceOf,
  openMirrorData,
  withMirrorPlaceOptions,
  type MirrorPlace,
  type MirrorPlaceFlags,
} from './mirror-place.ts'
import { readNetworkSettings } from './network-settings.ts'
import { machineCredentials } from './open-registry.ts'
import { openMirrorStore, type MirrorStore } from './open-mirror-store.ts'
import { option } from './option.ts'

/** Whose images a command looks at or changes. */
export interface ImagePlaceFlags extends MirrorPlaceFlags {
  readonly dockerConfig?: string
}

/** Adds the flags that say which mirror, and who asks it. */
export function withImagePlaceOptions(command: Command): Command {
  return withMirrorPlaceOptions(command).addOption(
    option(
      '--docker-config <file>',
      'credentials for --mirror, if it asks for some (default: config.json in DOCKER_CONFIG or ~/.docker)',
    ),
  )
}

/** Images, and what was opened to get at them. */
export interface OpenedImages extends AsyncDisposable {
  readonly images: ImagePlace
}

/**
 * Opens the images that flags name: those of a store that is at hand, here or through its mirror, else those that a registry tells of.
 * @throws Fault invalid | not-found | conflict | denied | unavailable
 */
export async function openImages(context: CommandContext, flags: ImagePlaceFlags): Promise<OpenedImages> {
  const place = mirrorPlaceOf(flags)
  const log = quiet(await context.log('stderr'))
  const store = await openStoreAt(context, place, log)
  if (store) {
    const name = place.kind === 'data' ? place.flags.data : place.url.host
    const { content, objects } = store
    const holds = createHolds(objects, { now: Date.now })
    const keepers = { 'a hold': () => holds.held(), 'a controller': controllerRoots(objects) }
    return {
      images: createStoreImages(content, { name, keepers }),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    }
  }
  const { url, caFile } = place as MirrorPlace & { readonly kind: 'mirror' }
  const client = createRegistryClient({
    ...(await readNetworkSettings(context, caFile)),
    registry: url.href,
    credentials: await machineCredentials(context, { dockerConfig: flags.dockerConfig, log }),
    isOnlyIfHere: true,
    log,
  })
  return { images: createRegistryImages(client), [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() }
}

/** Undefined for a mirror whose store is not open to us. */
async function openStoreAt(context: CommandContext, place: MirrorPlace, log: Logger): Promise<MirrorStore | undefined> {
  if (place.kind === 'data') {
    const data = await openMirrorData(place.flags)
    const { objects } = data
    return { objects, content: createContentStore(objects), [Symbol.asyncDispose]: () => data[Symbol.asyncDispose]() }
  }
  const { url, tokenFile, caFile } = place
  if (tokenFile === undefined) return undefined
  return await openMirrorStore(context, { url, tokenFile, caFile }, log)
}

/** Only what its reader has to know: the rest is in what the command says. */
function quiet(log: Logger): Logger {
  return log.child({}, { level: 'warn' })
}

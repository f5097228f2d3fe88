import { resolve } from 'node:path'
import { createRegistryClient, type RegistryClient } from '@stowage/mirror/registry/registry-client'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import type { CommandContext } from '../command-context.ts'
import { isBucket, openDataStore, type DataFlags } from '../data-store.ts'
import { mirrorPlaceOf, openMirrorData, type MirrorPlaceFlags } from '../mirror-place.ts'
import { readNetworkSettings } from '../network-settings.ts'
import { openMirrorStore } from '../open-mirror-store.ts'
import { machineCredentials } from '../open-registry.ts'

export interface CopySurroundingsFlags extends MirrorPlaceFlags {
  readonly dockerConfig?: string
  readonly insecureRegistry?: readonly string[]
}

/** The registries and the store that a copy is between, each opened once. */
export interface CopySurroundings extends AsyncDisposable {
  registry(host: string): Promise<RegistryClient>
  /**
   * What `--data` or `--mirror` names: its store, or the registry that it is for who has no token.
   * @param mayBeMade whether data that is not there is begun
   */
  mirror(mayBeMade: boolean): Promise<ContentStore | RegistryClient>
  /** Of a directory. */
  store(directory: string, mayBeMade: boolean): Promise<ContentStore>
}

/** Nothing is opened before it is asked for. */
export async function openCopySurroundings(
  context: CommandContext,
  flags: CopySurroundingsFlags,
): Promise<CopySurroundings> {
  const log = (await context.log('stderr')).child({}, { level: 'warn' })
  const opened = new AsyncDisposableStack()
  const clients = new Map<string, Promise<RegistryClient>>()
  const stores = new Map<string, Promise<ContentStore>>()
  let mirror: Promise<ContentStore | RegistryClient> | undefined

  async function connect(registry: string): Promise<RegistryClient> {
    const options = {
      ...(await readNetworkSettings(context, flags.caFile)),
      registry,
      insecureRegistries: flags.insecureRegistry ?? [],
      credentials: await machineCredentials(context, { dockerConfig: flags.dockerConfig, log }),
      log,
    }
    return opened.use(createRegistryClient(options))
  }

  async function openStore(data: DataFlags, mayBeMade: boolean): Promise<ContentStore> {
    const { objects } = opened.use(await (mayBeMade ? openDataStore(data) : openMirrorData(data)))
    return createContentStore(objects)
  }

  /** Both ends may be in one directory, which is locked. */
  function storeOf(data: DataFlags, mayBeMade: boolean): Promise<ContentStore> {
    const key = isBucket(data.data) ? data.data : resolve(data.data)
    const store = stores.get(key) ?? openStore(data, mayBeMade)
    stores.set(key, store)
    return store
  }

  async function openMirror(mayBeMade: boolean): Promise<ContentStore | RegistryClient> {
    const place = mirrorPlaceOf(flags)
    if (place.kind === 'data') return await storeOf(place.flags, mayBeMade)
    const { url, tokenFile, caFile } = place
    if (tokenFile === undefined) return await connect(url.href)
    return opened.use(await openMirrorStore(context, { url, tokenFile, caFile }, log)).content
  }

  return {
    registry(host) {
      const client = clients.get(host) ?? connect(host)
      clients.set(host, client)
      return client
    },
    mirror: (mayBeMade) => (mirror ??= openMirror(mayBeMade)),
    store: (directory, mayBeMade) => storeOf({ data: directory }, mayBeMade),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Whether it is the store itself. */
export function isStore(mirror: ContentStore | RegistryClient): mirror is ContentStore {
  return 'repository' in mirror
}

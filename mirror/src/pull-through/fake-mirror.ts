import { createRegistryClient } from '../registry/registry-client.ts'
import type { RegistryConnectionOptions } from '../registry/registry-connection.ts'
import { allowAll, type Authorize } from '../server/authorize.ts'
import { createMirrorServer, listen } from '../server/mirror-server.ts'
import { registryRoutes } from '../server/registry-routes.ts'
import type { ContentStore } from '../store/content-store.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { silentLog } from '../testing/silent-log.ts'
import { createPullThrough, type PullThroughOptions } from './create-pull-through.ts'
import { createUpstream } from './upstream.ts'
import type { UpstreamSettings } from './upstream-settings.ts'

/** A mirror of one upstream, in this process, that is spoken to over HTTP. For tests. */
export interface FakeMirror extends AsyncDisposable {
  readonly url: string
  readonly store: ContentStore
  /** Lets time pass for whoever asks how old something is, in milliseconds. */
  wait(ms: number): void
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>
}

export interface FakeMirrorOptions extends Partial<
  Pick<PullThroughOptions, 'retry' | 'patience' | 'pulled' | 'evictor' | 'log'>
> {
  readonly authorize?: Authorize
  readonly settings?: Partial<UpstreamSettings>
  readonly client?: Partial<RegistryConnectionOptions>
  readonly store?: ContentStore
}

/** What the upstream is called: not where it is. */
export const fakeHost = 'reg.example'
export const fakeRepository = 'team/app'
/** Of the fake repository at the mirror. */
export const localPath = `/v2/${fakeHost}/${fakeRepository}`

export async function openFakeMirror(
  upstream: { readonly host: string },
  {
    settings,
    client: more,
    store = createContentStore(createMemoryStore()),
    log = silentLog,
    authorize = allowAll,
    ...options
  }: FakeMirrorOptions = {},
): Promise<FakeMirror> {
  let now = 0
  await using stack = new AsyncDisposableStack()
  const known = createUpstream({
    settings: {
      host: fakeHost,
      aliases: [],
      prefix: fakeHost,
      freshness: { maxAgeMs: 60_000, staleMs: Infinity },
      repositories: [],
      isDefault: false,
      prefetch: undefined,
      ...settings,
    },
    connect: (onHeaders) =>
      stack.use(createRegistryClient({ registry: `http://${upstream.host}`, onHeaders, ...more })),
    now: () => now,
    random: () => 0.5,
  })
  const retry = options.retry ?? { pause: async () => undefined }
  const pullThrough = createPullThrough({
    ...options,
    upstreams: () => [known],
    store,
    log,
    now: () => now,
    retry,
  })
  stack.use(pullThrough)
  const app = createMirrorServer()
  await app.register(registryRoutes, { store, authorize, log, pullThrough })
  const server = stack.use(await listen(app, { host: '127.0.0.1', port: 0, graceMs: 0 }))
  const opened = stack.move()
  return {
    url: server.url,
    store,
    wait: (ms) => void (now += ms),
    ask: (path, init) => fetch(`${server.url}${path}`, init),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

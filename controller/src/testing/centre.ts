import { once } from 'node:events'
import { parseAssignment, type Assignment } from '@stowage/mirror/edge/assignment'
import { edgePaths } from '@stowage/mirror/edge/paths'
import type { ImageReport, Report } from '@stowage/mirror/edge/report'
import { parseSet, setRepository, type DesiredSet } from '@stowage/mirror/edge/set'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { fastify, type FastifyInstance } from 'fastify'
import type { ImageCache } from '../api/image-cache.ts'
import { openController, type ControllerOptions } from '../open-controller.ts'
import type { CacheView, ImageView, NodeView } from '../operator-api/views.ts'
import type { SourceState, WishSource, Wishes } from '../sources/wish-source.ts'
import type { FakeUpstream } from './fake-upstream.ts'
import { silentLog } from './silent-log.ts'
import { aReport } from './world.ts'

/** A source whose wishes a test sets. */
export interface FakeSource extends WishSource {
  wish(caches: readonly ImageCache[], more?: Partial<Wishes>): void
  become(state: Partial<SourceState>): void
}

export function createFakeSource(): FakeSource {
  let state: SourceState = { wishes: undefined, condition: 'starting', message: '', problems: [] }
  let changed = (): void => undefined
  const become = (next: Partial<SourceState>): void => {
    state = { ...state, ...next }
    changed()
  }
  return {
    name: 'fake source',
    state: () => state,
    become,
    wish: (caches, more = {}) => become({ condition: 'ready', wishes: { caches, secrets: [], nodes: [], ...more } }),
    async run({ signal, onChange }) {
      changed = onChange
      if (!signal.aborted) await once(signal, 'abort')
    },
  }
}

/** A running centre, as nodes and operators see it. */
export interface Centre extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly content: ContentStore
  readonly objects: ObjectStore
  get<T>(path: string): Promise<T>
  caches(): Promise<CacheView[]>
  nodes(): Promise<NodeView[]>
  images(): Promise<ImageView[]>
}

export interface CentreOptions extends Partial<Omit<ControllerOptions, 'upstreamFor' | 'source'>> {
  readonly upstream: FakeUpstream
  readonly source: WishSource
}

export async function startCentre({ upstream, ...options }: CentreOptions): Promise<Centre> {
  const objects = options.objects ?? createMemoryStore()
  const content = createContentStore(objects)
  const { upstreamFor } = upstream
  const log = silentLog
  const controller = await openController({
    objects,
    content,
    upstreamFor,
    refreshMs: 0,
    log,
    random: () => 0,
    // The clocks of tests leap.
    lapseMs: Infinity,
    ...options,
  })
  const app = fastify()
  await app.register(controller.edgeApi)
  await app.register(controller.operatorApi)
  const stop = new AbortController()
  const running = controller.run(stop.signal)
  async function get<T>(path: string): Promise<T> {
    const { statusCode, body } = await app.inject(path)
    if (statusCode !== 200) throw new Error(`${path}: ${statusCode} ${body}`)
    return JSON.parse(body) as T
  }
  return {
    app,
    content,
    objects,
    get,
    caches: async () => (await get<{ items: CacheView[] }>('/api/v1/caches')).items,
    nodes: async () => (await get<{ items: NodeView[] }>('/api/v1/nodes')).items,
    images: async () => (await get<{ items: ImageView[] }>('/api/v1/images')).items,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      await app.close()
    },
  }
}

/** An agent that says what a test wants it to say. */
export interface FakeNode {
  readonly name: string
  say(more?: Partial<Report>): Promise<{ status: number; body: { assignment?: string | null } }>
  /** Undefined when there is none yet, or none that is newer. */
  ask(options?: { readonly knows?: string; readonly waitSeconds?: number }): Promise<Assignment | undefined>
  sets(): Promise<DesiredSet[]>
  /** Says that it has all that it is to have. */
  obey(): Promise<void>
}

export function createFakeNode(name: string, centre: Centre, fixed: Partial<Report> = {}): FakeNode {
  let counter = 0

  const node: FakeNode = {
    name,

    async say(more = {}) {
      const payload = aReport(name, { counter: ++counter, acknowledged: null, ...fixed, ...more })
      const { statusCode, body } = await centre.app.inject({ method: 'PUT', url: edgePaths.report(name), payload })
      return { status: statusCode, body: JSON.parse(body) as { assignment?: string | null } }
    },

    async ask({ knows, waitSeconds = 0 } = {}) {
      const headers: Record<string, string> = knows === undefined ? {} : { 'if-none-match': `"${knows}"` }
      const url = `${edgePaths.assignment(name)}?wait=${waitSeconds}`
      const { statusCode, body } = await centre.app.inject({ url, headers })
      return statusCode === 200 ? parseAssignment(JSON.parse(body)) : undefined
    },

    async sets() {
      const { entries = [] } = (await node.ask()) ?? {}
      const repository = centre.content.repository(setRepository)
      const manifests = await Promise.all(entries.map(async ({ set }) => set && (await repository.manifest(set))))
      return manifests.flatMap((manifest) => (manifest ? parseSet(manifest.raw) : []))
    },

    async obey() {
      const assignment = await node.ask()
      const images = (await node.sets()).flatMap((set) => set.images)
      const lines = images.map(({ name: image, root }): ImageReport => {
        return { name: image, digest: root.digest, state: 'present', bytesHere: 10, bytesTotal: 10 }
      })
      const acknowledged = assignment ? { epoch: assignment.epoch, sequence: assignment.sequence } : null
      await node.say({ acknowledged, images: lines })
    },
  }
  return node
}

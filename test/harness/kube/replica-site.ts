import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { CacheStatus } from '@stowage/controller/api/cache-status'
import { openRemoteStore } from '@stowage/mirror/store/remote/remote-store'
import { startLink, type RunningLink } from '../../link/start-link.ts'
import type { SmallImageOptions } from '../../image-maker/small-image.ts'
import { startAgent, type Agent } from '../agent.ts'
import { eventually } from '../eventually.ts'
import { freePort } from '../free-port.ts'
import type { Journey } from '../journey.ts'
import { startRestartable, type Restartable } from '../restartable.ts'
import { startRoundRobin, type RoundRobin } from '../round-robin.ts'
import { openImageWorks, startSourceRegistry, type PushedImage } from '../source-registry.ts'
import { spawnStowage } from '../stowage.ts'
import { untilCacheStatus } from './cache-status.ts'
import { applyDefinitions, namespace } from './cluster-site.ts'
import { makeControllerAccount } from './controller-account.ts'
import { startKubeApi, type KubeApi } from './start-kube-api.ts'

/** One of several controllers of a cluster. */
export interface Replica extends Restartable {
  readonly name: string
  /** Without a slash at its end. */
  readonly url: string
}

/** The Lease by which one of them leads, as kubectl prints it. */
export interface WrittenLease {
  readonly metadata: { readonly resourceVersion: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: {
    readonly holderIdentity?: string
    readonly acquireTime: string
    readonly renewTime: string
    readonly leaseTransitions: number
  }
}

/** A cluster without a kubelet, a mirror, and controllers that keep everything in it; a thin way to the registry. */
export interface ReplicaSite extends AsyncDisposable {
  readonly kube: KubeApi
  /** What they keep everything in. It comes back on the port that it had. */
  readonly mirror: Restartable & { readonly url: string }
  readonly replicas: readonly Replica[]
  /** What agents connect to. */
  readonly door: RoundRobin
  /** Between the controllers and the registry: it counts what crosses. */
  readonly upstream: RunningLink
  /** Makes an image and pushes it as `NAME:v1`; it is named as behind the link. */
  push(name: string, options?: SmallImageOptions): Promise<PushedImage>
  agent(node: string): Promise<Agent>
  lease(): Promise<WrittenLease>
  /** Who leads, once it does; another one than `before`, if that is given. */
  untilLeader(options?: { readonly before?: Replica; readonly withinMs?: number }): Promise<Replica>
  untilStatus(name: string, isSo: (status: CacheStatus) => boolean): Promise<CacheStatus>
  /** The version of each object that the controllers keep, by key. */
  readonly versions: (prefix: string) => Promise<ReadonlyMap<string, string>>
}

export interface ReplicaSiteOptions {
  /** More flags of each `stowage controller`. */
  readonly flags?: readonly string[]
  /** Of the way to the registry, bytes per second. */
  readonly rate?: number
}

const token = 'of-the-tests-and-of-nobody-else'
const address = 'stowage.dev/address'

export async function openReplicaSite(
  journey: Journey,
  { flags = [], rate }: ReplicaSiteOptions = {},
): Promise<ReplicaSite> {
  await using opening = new AsyncDisposableStack()
  const works = await openImageWorks(journey.at('made'))
  const source = opening.use(await startSourceRegistry({ directory: journey.at('source') }))
  const upstream = opening.use(await startLink({ upstream: source.url, ...(rate === undefined ? {} : { rate }) }))
  const kube = opening.use(await startKubeApi({ directory: journey.at('kube') }))
  await applyDefinitions(kube)
  await kube.kubectl('create', 'namespace', namespace)
  const kubeconfig = await makeControllerAccount(kube)
  const tokenFile = journey.at('token')
  await writeFile(tokenFile, `${token}\n`)
  const mirror = opening.use(await startMirror(journey.at('mirror'), tokenFile))
  const lead = ['--kubeconfig', kubeconfig, '--leader-elect-resource-namespace', namespace, ...flags]
  const store = ['--mirror', mirror.url, '--mirror-token-file', tokenFile]
  const replicas: Replica[] = []
  for (const name of ['one', 'two']) {
    replicas.push(opening.use(await startReplica(journey.at(name), name, [...lead, ...store])))
  }
  const door = opening.use(await startRoundRobin(replicas.map(({ url }) => url)))
  const objects = opening.use(openRemoteStore({ url: new URL(mirror.url), token: () => Promise.resolve(token) }))
  const opened = opening.move()

  const lease = (): Promise<WrittenLease> => kube.get('lease', 'stowage-controller', '--namespace', namespace)
  return {
    kube,
    mirror,
    replicas,
    door,
    upstream,
    lease,
    push: async (name, options) =>
      works.push(await works.make({ seed: name, ...options }), { url: source.url, host: upstream.host }, `${name}:v1`),

    async agent(node) {
      const directory = journey.at(node)
      // Not late on a busy machine, but silent for less than it takes another leader to be there.
      const flags = ['--contact-every', '5s']
      return opened.use(await startAgent({ directory, central: door.url, node, flags }))
    },

    async untilLeader({ before, withinMs = 60_000 } = {}) {
      const look = async (): Promise<Replica | undefined> => {
        const { metadata, spec } = await lease()
        const leader = replicas.find(({ url }) => url.endsWith(`//${metadata.annotations?.[address]}`))
        return spec.holderIdentity && leader?.name !== before?.name ? leader : undefined
      }
      return eventually(look, { what: `a leader other than ${before?.name}`, withinMs, everyMs: 100 })
    },

    untilStatus: (name, isSo) => untilCacheStatus(kube, name, isSo),

    async versions(prefix) {
      const listed = await Array.fromAsync(objects.list(prefix))
      return new Map(listed.map(({ key, etag }) => [key, etag]))
    },

    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function startMirror(directory: string, tokenFile: string): Promise<Restartable & { readonly url: string }> {
  const listen = `127.0.0.1:${await freePort()}`
  await mkdir(directory, { recursive: true })
  const where = ['--data', path.join(directory, 'data'), '--listen', listen, '--objects-token-file', tokenFile]
  const mirror = await startStowage(['mirror', ...where], path.join(directory, 'mirror.log'))
  return { ...mirror, url: `http://${listen}` }
}

async function startReplica(directory: string, name: string, flags: readonly string[]): Promise<Replica> {
  const listen = `127.0.0.1:${await freePort()}`
  await mkdir(directory, { recursive: true })
  const replica = await startStowage(['controller', '--listen', listen, ...flags], path.join(directory, `${name}.log`))
  return { ...replica, name, url: `http://${listen}` }
}

function startStowage(args: readonly string[], outputFile: string): Promise<Restartable> {
  return startRestartable(
    () => spawnStowage(['--log-format', 'json', ...args], { outputFile }),
    (program) => program.waitForLine(/"msg":"listening"/),
  )
}

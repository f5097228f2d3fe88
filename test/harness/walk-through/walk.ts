import { isDeepStrictEqual } from 'node:util'
import { execa } from 'execa'
import { expect } from 'vitest'
import { eventually } from '../eventually.ts'
import { imageCache, namespace } from '../kube/cluster-site.ts'
import { expectedStatus } from './expected-status.ts'
import { walkSteps, type WalkImage, type WalkList, type WalkStep } from './walk-steps.ts'
import { watchCache, type CacheWatch } from './watch-cache.ts'

/** A cluster with a controller and agents, and a registry. */
export interface WalkSite {
  /** kubectl as its administrator, with all that it needs to reach the cluster. */
  readonly kubectl: readonly [string, ...string[]]
  /** Whatever nodes there are that run an agent; the second list selects the first of them. */
  readonly nodes: readonly WalkNode[]
  /** References of images that the registry has. */
  readonly images: Readonly<Record<WalkImage, string>>
}

export interface WalkNode {
  /** Its label `kubernetes.io/hostname`. */
  readonly hostname: string
  /** The names of whole images that it has, as its runtime says them. */
  names(): Promise<readonly string[]>
}

/** Where a walk is. */
interface Place {
  /** How often the spec was edited. */
  readonly generation: number
  /** Of the lists, where nothing is purged. */
  readonly lists: readonly WalkList[]
  readonly isPurged: boolean
}

const name = 'imagecache1'

/**
 * Goes with an ImageCache the way that users of kube-fledged know, and asserts after each step all that they look at: the
 * whole status, what the nodes have, events, the generation, and that orders are gone. The cache is there at the end, with
 * the first list alone.
 */
export async function walk(site: WalkSite): Promise<void> {
  await untilAllAreHeardOf(site)
  await using watch = watchCache(site.kubectl, { namespace, name })
  let place: Place = { generation: 0, lists: [], isPurged: false }
  const events: string[] = []
  for (const step of walkSteps) {
    place = next(place, step)
    await take(site, step)
    events.push(`Normal ${step.reason} ${step.message}`)
    await arrive(site, { step, place, watch, events })
  }
  expectOnlyKnownStates(watch)
}

/** Deletes the cache: as with kube-fledged, images stay. */
export async function endWalk(site: WalkSite): Promise<void> {
  await kubectl(site, ['delete', 'imagecache', name])
  const left = await Promise.all(site.nodes.map((node) => node.names()))
  expect(left).toEqual(site.nodes.map(() => [site.images.everywhere]))
}

/** What no agent was heard of yet is waited for, and an ImageCache says so first. */
async function untilAllAreHeardOf(site: WalkSite): Promise<void> {
  const areThere = async (): Promise<boolean> => {
    const names = await kubectl(site, ['get', 'edgenodes', '--output=name'])
    return names.split('\n').filter(Boolean).length === site.nodes.length
  }
  await eventually(areThere, { what: 'an EdgeNode for each node', withinMs: 120_000, everyMs: 500 })
}

function next({ generation, lists, isPurged }: Place, step: WalkStep): Place {
  if (!step.lists) return { generation, lists, isPurged: step.order === 'purge' }
  return { generation: generation + 1, lists: step.lists, isPurged }
}

async function take(site: WalkSite, { lists, order }: WalkStep): Promise<void> {
  if (order) return void (await kubectl(site, ['annotate', 'imagecaches', name, `kubefledged.io/${order}-imagecache=`]))
  const nodeSelector = { 'kubernetes.io/hostname': site.nodes[0]!.hostname }
  const cacheSpec = (lists ?? []).map((list, at) => ({
    images: list.map((image) => (image === '' ? '' : site.images[image])),
    ...(at === 1 ? { nodeSelector } : {}),
  }))
  await kubectl(site, ['apply', '--filename', '-'], JSON.stringify(imageCache(name, cacheSpec)))
}

interface Arrival {
  readonly step: WalkStep
  readonly place: Place
  readonly watch: CacheWatch
  readonly events: readonly string[]
}

async function arrive(site: WalkSite, { step, place, watch, events }: Arrival): Promise<void> {
  const { what, reason, message } = step
  const { metadata, status } = await watch.until(
    `the end of ${what}`,
    ({ metadata: { annotations = {} }, status: said }) =>
      said?.observedGeneration === place.generation &&
      said.status !== 'Processing' &&
      said.reason === reason &&
      Object.keys(annotations).every((key) => !key.startsWith('kubefledged.io/')),
  )
  const wanted = site.nodes.map((_, at) => wantedOn(site, place, at))
  expect(status, what).toEqual(expectedStatus({ reason, message, generation: place.generation, wanted }))
  expect(metadata.generation, `the generation after ${what}`).toBe(place.generation)
  for (const [at, node] of site.nodes.entries()) await untilHas(node, wanted[at]!, what)
  expect(await eventsOf(site), `the events after ${what}`).toEqual(events.toSorted())
}

function wantedOn({ images }: WalkSite, { lists, isPurged }: Place, node: number): string[] {
  const own = isPurged ? [] : lists.slice(0, node === 0 ? 2 : 1).flat()
  return own.filter((image) => image !== '').map((image) => images[image])
}

/** The status is made of what nodes reported, so they have it already; but a runtime's list follows its own doings. */
async function untilHas(node: WalkNode, wanted: readonly string[], what: string): Promise<void> {
  const isSo = async (): Promise<boolean> => isDeepStrictEqual(new Set(await node.names()), new Set(wanted))
  await eventually(isSo, { what: `${wanted.join(', ')} alone on ${node.hostname} after ${what}`, withinMs: 5000 })
}

async function eventsOf(site: WalkSite): Promise<string[]> {
  const about = `involvedObject.kind=ImageCache,involvedObject.name=${name}`
  const words = '{range .items[*]}{.type} {.reason} {.message}{"\\n"}{end}'
  const text = await kubectl(site, ['get', 'events', `--field-selector=${about}`, `--output=jsonpath=${words}`])
  return text.trim().split('\n').toSorted()
}

/** Between two ends there is only what kube-fledged says while it works, and no time of completion. */
function expectOnlyKnownStates(watch: CacheWatch): void {
  const going = watch.seen().flatMap(({ status }) => (status?.status === 'Processing' ? [status] : []))
  const said = new Set(going.map(({ reason, message }) => `${reason}: ${message}`))
  expect(going.filter((status) => 'completionTime' in status || 'failures' in status)).toEqual([])
  expect([...said].filter((words) => !processing.includes(words))).toEqual([])
  expect(said).toContain(processing[0])
  const finals = new Set(watch.seen().flatMap(({ status }) => (status === undefined ? [] : [status.status])))
  expect([...finals].toSorted()).toEqual(['Processing', 'Succeeded'])
}

const later = 'Please view the status after some time'
const processing = [
  `ImageCacheCreate: Images are being pulled on to the nodes. ${later}`,
  `ImageCacheUpdate: Image cache is being updated. ${later}`,
  `ImageCacheRefresh: Image cache is being refreshed. ${later}`,
  `ImageCachePurge: Image cache is being purged. ${later}`,
]

async function kubectl({ kubectl: [command, ...flags] }: WalkSite, args: string[], input = ''): Promise<string> {
  return (await execa(command, [...flags, `--namespace=${namespace}`, ...args], { input })).stdout
}

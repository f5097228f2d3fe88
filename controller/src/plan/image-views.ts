import type { ImageReport } from '@stowage/mirror/edge/report'
import type { ImageView } from '../operator-api/views.ts'
import { cacheKey } from '../api/image-cache.ts'
import { type ListedImage } from '../api/image-list.ts'
import { imageRows, type ImageRow } from './image-row.ts'
import { selects, type KnownNode } from './known-node.ts'
import { isReachable } from './reachable.ts'
import { whyItWaits, whyNotMirrored } from './why-it-waits.ts'
import type { World } from './world.ts'

/** Where every image stands on every node: what is wanted, what nobody is there to have, and what is on its way out. */
export function imageViews(world: World): ImageView[] {
  const wanted = wantedViews(world)
  const isWanted = new Set(wanted.map(({ name, node }) => `${node} ${name}`))
  const going = goingViews(world).filter(({ name, node }) => !isWanted.has(`${node} ${name}`))
  return [...wanted, ...unselectedViews(world), ...going]
}

function wantedViews(world: World): ImageView[] {
  const views = new Map<string, ImageView>()
  for (const living of world.caches) {
    for (const row of imageRows(living, world)) {
      const key = `${row.node.name} ${row.image.name}`
      const known = views.get(key)
      const caches = [...(known?.caches ?? []), cacheKey(living.cache)]
      // What one cache lets wait another one may have told already.
      const view = known && known.state !== 'held' ? known : rowView(row, world)
      views.set(key, { ...view, caches })
    }
  }
  return [...views.values()]
}

function rowView(row: ImageRow, world: World): ImageView {
  const { image, node, digest, bytesHere, bytesTotal } = row
  const isFetching = row.isReachable && row.state === 'fetching'
  const rate = isFetching ? rateOf(node) : null
  return {
    image: image.written,
    name: image.name,
    caches: [],
    node: node.name,
    digest,
    state: shownAs(row),
    online: row.isReachable,
    bytesHere,
    bytesTotal,
    percent: percentOf(row),
    bytesPerSecond: rate,
    etaSeconds: rate && bytesTotal !== null ? Math.ceil((bytesTotal - bytesHere) / rate) : null,
    message: whyItWaits(row, world),
  }
}

/** What else is to be said of it says the message. */
function shownAs({ state }: ImageRow): ImageView['state'] {
  if (state === 'leaving') return 'told'
  return state === 'shut' ? 'waiting' : state
}

/** What a node receives is shared by the images that it fetches. */
function rateOf({ heard }: KnownNode): number {
  const fetching = heard?.report.images.filter(({ state }) => state === 'fetching').length ?? 0
  return Math.round((heard?.report.bytesPerSecond ?? 0) / Math.max(1, fetching))
}

/** 100 is said of what is in place only. */
function percentOf({ state, bytesHere, bytesTotal }: ImageRow): number | null {
  if (state === 'present') return 100
  if (bytesTotal === null) return null
  return bytesTotal === 0 ? 0 : Math.min(99, Math.floor((100 * bytesHere) / bytesTotal))
}

/** Images of lists that select nobody. */
function unselectedViews(world: World): ImageView[] {
  const views = new Map<string, ImageView>()
  for (const { cache, record } of world.caches) {
    if (record.purged) continue
    const idle = cache.lists.filter((list) => !world.nodes.some((node) => selects(list, node)))
    for (const image of idle.flatMap(({ images }) => images)) {
      const known = views.get(image.name) ?? unselectedView(image, world)
      views.set(image.name, { ...known, caches: [...new Set([...known.caches, cacheKey(cache)])] })
    }
  }
  return [...views.values()]
}

function unselectedView(image: ListedImage, world: World): ImageView {
  const resolution = world.resolutions.get(image.name)
  const why = resolution?.fault ? `; ${whyNotMirrored(image.name, resolution.fault, world)}` : ''
  return {
    ...nowhere,
    image: image.written,
    name: image.name,
    digest: resolution?.target?.digest ?? null,
    message: `no node matches its nodeSelector${why}`,
  }
}

const nowhere = {
  caches: [] as string[],
  node: null,
  state: 'unselected' as const,
  online: false,
  bytesHere: 0,
  bytesTotal: null,
  percent: null,
  bytesPerSecond: null,
  etaSeconds: null,
}

/** What nodes say that they are to take away. */
function goingViews({ nodes, now }: World): ImageView[] {
  return nodes.flatMap(({ name, heard }) => {
    const online = isReachable(heard, now)
    return (heard?.report.images ?? []).flatMap((line) => {
      const { state } = line
      return state === 'removing' || state === 'in-use' ? [goingView(name, { ...line, state }, online)] : []
    })
  })
}

function goingView(
  node: string,
  { name, digest, state, bytesHere, bytesTotal }: ImageReport & { state: 'removing' | 'in-use' },
  online: boolean,
): ImageView {
  const message =
    state === 'in-use'
      ? 'not wanted any more, but a container runs from it: it leaves when that ends'
      : 'not wanted any more: it leaves once everything wanted is in place'
  return { ...nowhere, image: name, name, node, digest, state, online, bytesHere, bytesTotal, message }
}

import type { Transfer } from '@stowage/mirror/edge/transfer'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { ImageGraph } from '../runtime/runtime.ts'
import { windowStateAt, type WindowState } from './transfer-window.ts'

/** What one cache says of the transfer of an image. */
export interface Terms {
  /** `metadata.uid` of the ImageCache. */
  readonly cache: string
  /** Undefined: anything goes. */
  readonly transfer: Transfer | undefined
}

/** A limit, and all that share it: what one cache fetches. */
export interface Lane {
  readonly cache: string
  readonly bytesPerSecond: number
}

/** Whether and how an image's bytes may come now. */
export interface Passage {
  readonly isOpen: boolean
  /** Undefined: nobody limits it. */
  readonly lane: Lane | undefined
  /** When it may open, close or get another limit, epoch milliseconds; Infinity for never. */
  readonly changesAt: number
}

const alwaysOpen: WindowState = { isOpen: true, changesAt: Infinity }
/** Without knowing the time: what has windows waits until it is known. */
const unknown: WindowState = { isOpen: false, changesAt: Infinity }

/**
 * The passage of each image: of the caches that want it and have their window open, the most generous one decides.
 * @param now epoch milliseconds; undefined while nobody knows
 */
export function passagesOf(
  terms: ReadonlyMap<string, readonly Terms[]>,
  now: number | undefined,
  stateAt = windowStateAt,
): Map<string, Passage> {
  const states = new Map<Transfer, WindowState>()
  function stateOf(transfer: Transfer | undefined): WindowState {
    if (!transfer?.windows?.length) return alwaysOpen
    const state = states.get(transfer) ?? (now === undefined ? unknown : stateAt(transfer.windows, now))
    states.set(transfer, state)
    return state
  }
  return new Map([...terms].map(([name, all]) => [name, passageOf(all, stateOf)]))
}

function passageOf(terms: readonly Terms[], stateOf: (transfer: Transfer | undefined) => WindowState): Passage {
  const states = terms.map(({ cache, transfer }) => ({ cache, transfer, ...stateOf(transfer) }))
  const open = states.filter(({ isOpen }) => isOpen)
  const lanes = open.map(({ cache, transfer }) => laneOf(cache, transfer))
  return {
    isOpen: open.length > 0,
    lane: mostGenerous(lanes),
    changesAt: Math.min(...states.map(({ changesAt }) => changesAt)),
  }
}

function laneOf(cache: string, transfer: Transfer | undefined): Lane | undefined {
  return transfer?.bytesPerSecond === undefined ? undefined : { cache, bytesPerSecond: transfer.bytesPerSecond }
}

/** No limit is more than any. */
function mostGenerous(lanes: readonly (Lane | undefined)[]): Lane | undefined {
  return lanes.reduce((most, lane) => {
    return most && lane && lane.bytesPerSecond <= most.bytesPerSecond ? most : most && lane
  }, lanes[0])
}

/** Milliseconds until one of them changes; Infinity if none does, or nobody knows the time. */
export function changeInMs(passages: ReadonlyMap<string, Passage>, now: number | undefined): number {
  const first = Math.min(...[...passages.values()].map(({ changesAt }) => changesAt))
  return now === undefined ? Infinity : Math.max(0, first - now)
}

/** When these images may come, which may not now, by name: in so many milliseconds, null while nobody knows. */
export function windowsOf(
  names: ReadonlySet<string>,
  passages: ReadonlyMap<string, Passage> | undefined,
  now: number | undefined,
): Map<string, number | null> {
  return new Map(
    [...names].map((name) => {
      const inMs = (passages?.get(name)?.changesAt ?? Infinity) - (now ?? -Infinity)
      return [name, Number.isFinite(inMs) ? Math.max(0, Math.round(inMs)) : null]
    }),
  )
}

/** The limits of single blobs, as the images that need them have them; those that are not in it have none. */
export function lanesOf(
  images: readonly { readonly graph: ImageGraph; readonly lane: Lane | undefined }[],
): Map<Digest, Lane> {
  const lanes = new Map<Digest, (Lane | undefined)[]>()
  for (const { graph, lane } of images) {
    for (const { digest } of graph.blobs) lanes.set(digest, [...(lanes.get(digest) ?? []), lane])
  }
  return new Map(
    [...lanes].flatMap(([digest, all]) => {
      const lane = mostGenerous(all)
      return lane ? [[digest, lane] as const] : []
    }),
  )
}

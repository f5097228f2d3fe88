import { setTimeout as delay } from 'node:timers/promises'
import type { ImageInQuestion, ImageOnDisk } from './image-on-disk.ts'
import { askCentre, stowageGet } from './stowage-get.ts'
import { liesOf, type Sample } from './truth.ts'

export interface WatchTruthOptions {
  /** Of the centre itself: the oracle does not sit behind the link. */
  readonly central: string
  readonly node: string
  /** What that node has of an image; it may wait for what it must ask, as bytes only come. */
  readonly look: (image: ImageInQuestion) => Promise<ImageOnDisk>
  readonly images: readonly ImageInQuestion[]
}

/** How often was looked, and what was seen. */
export interface TruthRecord {
  readonly samples: number
  /** Of these, by running `stowage get`. */
  readonly cliSamples: number
  /** The centre did not answer. */
  readonly unanswered: number
  /** The centre spoke of some bytes, but not of all. */
  readonly partly: number
  readonly offline: number
  readonly lies: readonly string[]
}

export interface TruthWatch extends AsyncDisposable {
  record(): TruthRecord
  /** Resolves with the record when the last look is over. */
  stop(): Promise<TruthRecord>
}

type Sayings = Pick<Sample, 'caches' | 'nodes' | 'images'>
type Ask = () => Promise<Sayings>

const everyMs = 500
/** Each run of the command costs a good part of a second of a processor: they ask in turn for one kind of thing. */
const cliEveryMs = 3000

/** Compares what the centre says with what a node has, twice a second, until it is stopped. */
export function watchTruth({ central, node, look: lookAt, images }: WatchTruthOptions): TruthWatch {
  const over = new AbortController()
  const record = { samples: 0, cliSamples: 0, unanswered: 0, partly: 0, offline: 0, lies: [] as string[] }

  async function look(ask: Ask): Promise<boolean> {
    const askedAt = Date.now()
    const said = await ask().catch(() => undefined)
    if (!said) {
      record.unanswered += 1
      return false
    }
    const onDisk = await Promise.all(images.map(async (image) => ({ ...image, ...(await lookAt(image)) })))
    const sample = { ...said, node, askedAt, onDisk }
    record.samples += 1
    if (isPartly(sample)) record.partly += 1
    if (sample.nodes.some(({ online }) => !online)) record.offline += 1
    record.lies.push(...liesOf(sample).map((lie) => `${new Date(askedAt).toISOString()} ${lie}`))
    return true
  }

  async function repeat(action: () => Promise<void>, pauseMs: number): Promise<void> {
    while (!over.signal.aborted) {
      const next = delay(pauseMs, undefined, { signal: over.signal }).catch(() => undefined)
      await action()
      await next
    }
  }

  const inTurn = commandsOf(central)
  const loops = Promise.all([
    repeat(async () => void (await look(() => askAll(central))), everyMs),
    repeat(async () => {
      const ask = inTurn[record.cliSamples % inTurn.length]!
      if (await look(ask)) record.cliSamples += 1
    }, cliEveryMs),
  ])
  async function stop(): Promise<TruthRecord> {
    over.abort()
    await loops
    return record
  }
  return { record: () => record, stop, [Symbol.asyncDispose]: async () => void (await stop()) }
}

async function askAll(central: string): Promise<Sayings> {
  const [caches, nodes, images] = await Promise.all([
    askCentre('caches', central),
    askCentre('nodes', central),
    askCentre('images', central),
  ])
  return { caches, nodes, images }
}

const nothing: Sayings = { caches: [], nodes: [], images: [] }

function commandsOf(central: string): Ask[] {
  return [
    async () => ({ ...nothing, images: await stowageGet('images', central) }),
    async () => ({ ...nothing, nodes: await stowageGet('nodes', central) }),
    async () => ({ ...nothing, caches: await stowageGet('caches', central) }),
  ]
}

function isPartly({ images, node }: Sample): boolean {
  return images.some(
    (view) => view.node === node && view.bytesHere > 0 && view.bytesTotal !== null && view.bytesHere < view.bytesTotal,
  )
}

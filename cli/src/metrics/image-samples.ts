import { setTimeout as delay } from 'node:timers/promises'
import { completenessStates } from '@stowage/mirror/images/completeness'
import { countImages, type ImageCount } from '@stowage/mirror/images/count-images'
import { imageMetrics } from '@stowage/mirror/images/image-metrics'
import type { ImagePlace } from '@stowage/mirror/images/image-place'
import { sample, type Sample } from '@stowage/mirror/metrics/meter'
import { isFault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'

/** How many images are whole, as it was when somebody looked last. */
export interface ImageSamples {
  /** None before the first look has ended. */
  samples(): readonly Sample[]
  /** Looks now and then, until the signal. */
  run(signal: AbortSignal): Promise<void>
}

export interface ImageSamplesOptions {
  readonly log: Logger
  /** From the end of a look to the beginning of the next, in milliseconds. */
  readonly everyMs?: number
  /** To the beginning of the first. */
  readonly firstMs?: number
}

const hourMs = 3600_000
const minuteMs = 60_000
/** Of the time of the process a look takes a tenth. */
const restRatio = 9

export function createImageSamples(
  images: ImagePlace,
  { log, everyMs = hourMs, firstMs = minuteMs }: ImageSamplesOptions,
): ImageSamples {
  let count: ImageCount | undefined

  async function look(signal: AbortSignal): Promise<void> {
    try {
      count = await countImages(images, { restRatio, signal })
    } catch (err) {
      if (signal.aborted) return
      if (!isFault(err)) throw err
      log.warn({ err }, 'images not counted')
    }
  }

  return {
    samples: () =>
      count
        ? completenessStates.map((completeness) => sample(imageMetrics.images, { completeness }, count![completeness]))
        : [],

    async run(signal) {
      for (let pauseMs = firstMs; !signal.aborted; pauseMs = everyMs) {
        // Being stopped is how this ends.
        await delay(pauseMs, undefined, { signal }).catch(() => undefined)
        if (!signal.aborted) await look(signal)
      }
    },
  }
}

import { formatBytes, formatDuration, formatPercent, formatRate } from './format.ts'
import { createStatusLine, type StatusLineOptions } from './status-line.ts'

/** What long work has to say of itself. */
export interface Progress {
  /** Shows that so many bytes are done of so many. */
  update(done: number, total: number): void
  /** Clears the line on a terminal. */
  end(): void
}

export interface ProgressOptions extends StatusLineOptions {
  readonly label: string
}

/** A status line of bytes. */
export function createProgress({ label, ...options }: ProgressOptions): Progress {
  const line = createStatusLine(options)
  const startedAt = options.now()
  let startBytes: number | undefined
  return {
    update(done, total) {
      const start = (startBytes ??= done)
      const moment = (): Moment => ({ done, total, moved: done - start, elapsedMs: options.now() - startedAt })
      line.show(() => `${label}: ${progressLine(moment())}`)
    },
    end: () => line.end(),
  }
}

interface Moment {
  readonly done: number
  readonly total: number
  /** Bytes since the beginning of the measurement: what was there before tells nothing of the speed. */
  readonly moved: number
  readonly elapsedMs: number
}

/** Days are no promise to who waits for a copy: the next pieces tell better. Milliseconds. */
const longestPromise = 24 * 60 * 60 * 1000

/** `12 MB of 104 MB, 11%, 2.4 MB/s, 38s left`. */
export function progressLine({ done, total, moved, elapsedMs }: Moment): string {
  const rate = elapsedMs > 0 ? (moved * 1000) / elapsedMs : 0
  const leftMs = rate > 0 ? ((total - done) / rate) * 1000 : Infinity
  const left = leftMs <= longestPromise ? `, ${formatDuration(leftMs)} left` : ''
  return `${formatBytes(done)} of ${formatBytes(total)}, ${formatPercent(done, total)}, ${formatRate(rate)}${left}`
}

import { formatBytes, formatDuration, formatPercent, formatRate } from './format.ts'

/** What long work has to say of itself. */
export interface Progress {
  /** Shows that so many bytes are done of so many. */
  update(done: number, total: number): void
  /** Clears the line on a terminal. */
  end(): void
}

export interface ProgressOptions {
  /** Where it is shown: stderr, so that stdout can be piped. */
  readonly out: { readonly isTTY?: boolean; write(text: string): unknown }
  readonly label: string
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
}

/** One line that renews itself on a terminal, or a plain line every ten seconds elsewhere. */
export function createProgress({ out, label, now }: ProgressOptions): Progress {
  const everyMs = out.isTTY ? 200 : 10_000
  const startedAt = now()
  let shownAt = out.isTTY ? -Infinity : startedAt
  let startBytes: number | undefined
  return {
    update(done, total) {
      startBytes ??= done
      const at = now()
      if (at - shownAt < everyMs) return
      shownAt = at
      const line = progressLine({ done, total, moved: done - startBytes, elapsedMs: at - startedAt })
      out.write(out.isTTY ? `\r\u001b[K${label}: ${line}` : `${label}: ${line}\n`)
    },
    end() {
      if (out.isTTY && shownAt > -Infinity) out.write('\r\u001b[K')
    },
  }
}

interface Moment {
  readonly done: number
  readonly total: number
  /** Bytes since the beginning of the measurement: what was there before tells nothing of the speed. */
  readonly moved: number
  readonly elapsedMs: number
}

/** `12 MB of 104 MB, 11%, 2.4 MB/s, 38s left`. */
export function progressLine({ done, total, moved, elapsedMs }: Moment): string {
  const rate = elapsedMs > 0 ? (moved * 1000) / elapsedMs : 0
  const left = rate > 0 ? `, ${formatDuration(((total - done) / rate) * 1000)} left` : ''
  return `${formatBytes(done)} of ${formatBytes(total)}, ${formatPercent(done, total)}, ${formatRate(rate)}${left}`
}

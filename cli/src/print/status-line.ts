/** Where it is shown: stderr, so that stdout can be piped. */
export interface StatusOut {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** What long work has to say of itself. */
export interface StatusLine {
  /** Shows what `text` gives, unless something was shown a moment ago. */
  show(text: () => string): void
  /** Clears the line on a terminal. */
  end(): void
}

export interface StatusLineOptions {
  readonly out: StatusOut
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
}

/** One line that renews itself on a terminal, or a plain line every ten seconds elsewhere. */
export function createStatusLine({ out, now }: StatusLineOptions): StatusLine {
  const everyMs = out.isTTY ? 200 : 10_000
  let shownAt = out.isTTY ? -Infinity : now()
  return {
    show(text) {
      const at = now()
      if (at - shownAt < everyMs) return
      shownAt = at
      out.write(out.isTTY ? `\r\u001b[K${text()}` : `${text()}\n`)
    },
    end() {
      if (out.isTTY && shownAt > -Infinity) out.write('\r\u001b[K')
    },
  }
}

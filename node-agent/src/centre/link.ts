import type { Logger } from 'pino'
import type { Fault } from '@stowage/mirror/oci/fault'

/** What is known of the way to the centre, and who wants to hear when that changes. */
export interface Link {
  readonly isUp: boolean
  /** Something came through. */
  works(): void
  /** Something did not. */
  fails(fault: Fault): void
  onUp(listener: () => void): void
  onDown(listener: () => void): void
}

export function createLink(log: Logger): Link {
  let state: 'unknown' | 'up' | 'down' = 'unknown'
  const whenUp: (() => void)[] = []
  const whenDown: (() => void)[] = []

  return {
    get isUp() {
      return state === 'up'
    },
    works() {
      if (state === 'up') return
      state = 'up'
      log.info('centre reached')
      for (const listener of whenUp) listener()
    },
    fails(fault) {
      if (state === 'down') return
      state = 'down'
      log.info({ err: fault }, 'centre out of reach')
      for (const listener of whenDown) listener()
    },
    onUp: (listener) => void whenUp.push(listener),
    onDown: (listener) => void whenDown.push(listener),
  }
}

/** How fast bytes have come lately. */
export interface RateMeter {
  add(bytes: number): void
  /** Over the last seconds. */
  bytesPerSecond(): number
}

const windowMs = 5000
const slotMs = 500

/** @param monotonicNow milliseconds, never going back */
export function createRateMeter(monotonicNow: () => number = () => performance.now()): RateMeter {
  const beganAt = monotonicNow()
  let slots: { at: number; bytes: number }[] = []

  return {
    add(bytes) {
      const at = monotonicNow()
      const last = slots.at(-1)
      if (last && at - last.at < slotMs) last.bytes += bytes
      else slots.push({ at, bytes })
      if (slots.length > (2 * windowMs) / slotMs) slots = slots.filter((slot) => at - slot.at < windowMs)
    },
    bytesPerSecond() {
      const now = monotonicNow()
      const sum = slots.reduce((total, { at, bytes }) => (now - at < windowMs ? total + bytes : total), 0)
      const spanMs = Math.min(windowMs, Math.max(slotMs, now - beganAt))
      return Math.round((sum * 1000) / spanMs)
    },
  }
}

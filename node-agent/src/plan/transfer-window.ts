import { isTimeZone, localTimeZone, weekdays, type TransferWindow } from '@stowage/mirror/edge/transfer'

/** Whether transfer is allowed at an instant, and until when that stays so. */
export interface WindowState {
  readonly isOpen: boolean
  /** Epoch milliseconds, a whole minute; Infinity if it stays so for ever. */
  readonly changesAt: number
}

const minuteMs = 60_000
const dayMinutes = 24 * 60
const weekMinutes = 7 * dayMinutes
/** What does not change within a week and what clocks are set by in it does not change at all. */
const longestLookMinutes = 2 * weekMinutes

/**
 * Looks whether one of these windows is open. Times are those of clocks on walls: where a clock is put forward over a window,
 * there is none that day; where it is put back, it shows the times of the window twice.
 */
export function windowStateAt(windows: readonly TransferWindow[], now: number): WindowState {
  const first = Math.floor(now / minuteMs)
  // Asking what a clock shows is what costs: all windows of a zone share one.
  const zones = [...Map.groupBy(windows, ({ timeZone }) => timeZone)].map(([zone, all]) => zoneOf(zone, all))
  const isOpenAt = (minute: number): boolean => zones.some((zone) => isOpenIn(zone, minute))
  const isOpen = isOpenAt(first)
  for (let minute = first; minute - first <= longestLookMinutes;) {
    const from = minute
    minute = Math.min(...zones.map((zone) => nextBoundary(zone, from)))
    if (isOpenAt(minute) !== isOpen) return { isOpen, changesAt: minute * minuteMs }
  }
  return { isOpen, changesAt: Infinity }
}

/** Looks as `windowStateAt` does, and again only when something has changed: many windows take a while. */
export function createWindowLook(): typeof windowStateAt {
  const seen = new Map<string, { readonly at: number; readonly state: WindowState }>()
  return (windows, now) => {
    const key = JSON.stringify(windows)
    const last = seen.get(key)
    if (last && last.at <= now && now < last.state.changesAt) return last.state
    for (const [other, { state }] of seen) if (state.changesAt <= now) seen.delete(other)
    const state = windowStateAt(windows, now)
    seen.set(key, { at: now, state })
    return state
  }
}

/** In minutes of the week; one over midnight, or into the next week, ends after what it began in. */
interface Span {
  readonly start: number
  readonly length: number
}

/** The windows of one time zone. */
interface Zone {
  readonly spans: readonly Span[]
  readonly wallAt: (minute: number) => number
}

function zoneOf(name: string | undefined, windows: readonly TransferWindow[]): Zone {
  return { spans: windows.flatMap(spansOf), wallAt: createWallClock(name) }
}

function spansOf({ days, start, end }: TransferWindow): Span[] {
  const [from, to] = [minutesOf(start), minutesOf(end)]
  const length = to > from ? to - from : to - from + dayMinutes
  return (days?.length ? days : weekdays).map((day) => ({ start: weekdays.indexOf(day) * dayMinutes + from, length }))
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return hours * 60 + minutes
}

function isOpenIn({ spans, wallAt }: Zone, minute: number): boolean {
  const wall = wallAt(minute)
  return spans.some(({ start, length }) => behind(start, wall) < length)
}

/** How many minutes of the week one is behind another. */
function behind(start: number, wall: number): number {
  return (wall - start + weekMinutes) % weekMinutes
}

/** The first minute after this at which a window may open or close: by the clock, or because the clock is set. */
function nextBoundary({ spans, wallAt }: Zone, minute: number): number {
  const wall = wallAt(minute)
  const isRegular = (ahead: number): boolean => wallAt(minute + ahead) === (wall + ahead) % weekMinutes
  const edges = spans.flatMap(({ start, length }) => [start, (start + length) % weekMinutes])
  const ahead = Math.min(...edges.map((edge) => behind(wall, edge) || weekMinutes))
  return minute + (isRegular(ahead) ? ahead : firstFalse(isRegular, ahead))
}

/** Of a condition that holds at 0 and no longer at `end`, and changes once between them. */
function firstFalse(holds: (at: number) => boolean, end: number): number {
  let [low, high] = [0, end]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (holds(middle)) low = middle
    else high = middle
  }
  return high
}

/** Tells which minute of its week a clock on the wall shows at a minute since the epoch. A zone that is not known here is UTC. */
function createWallClock(zone = 'UTC'): (minute: number) => number {
  const timeZone = zone === localTimeZone ? {} : { timeZone: isTimeZone(zone) ? zone : 'UTC' }
  const style = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  const format = new Intl.DateTimeFormat('en-US', { ...style, ...timeZone })
  return (minute) => {
    const parts = format.formatToParts(minute * minuteMs)
    const valueOf = (type: Intl.DateTimeFormatPartTypes): string =>
      parts.find((part) => part.type === type)?.value ?? ''
    const day = weekdays.findIndex((name) => name === valueOf('weekday'))
    return day * dayMinutes + Number(valueOf('hour')) * 60 + Number(valueOf('minute'))
  }
}

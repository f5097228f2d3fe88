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
  const spans = windows.map(spanOf)
  const isOpenAt = (minute: number): boolean => spans.some((span) => isIn(span, span.wallAt(minute)))
  const isOpen = isOpenAt(first)
  for (let minute = first; minute - first <= longestLookMinutes;) {
    const from = minute
    minute = Math.min(...spans.map((span) => nextBoundary(span, from)))
    if (isOpenAt(minute) !== isOpen) return { isOpen, changesAt: minute * minuteMs }
  }
  return { isOpen, changesAt: Infinity }
}

/** A window in minutes of the week; one over midnight, or into the next week, ends after what it began in. */
interface Span {
  readonly starts: readonly number[]
  readonly length: number
  readonly wallAt: (minute: number) => number
}

function spanOf({ days, start, end, timeZone }: TransferWindow): Span {
  const [from, to] = [minutesOf(start), minutesOf(end)]
  return {
    starts: (days?.length ? days : weekdays).map((day) => weekdays.indexOf(day) * dayMinutes + from),
    length: to > from ? to - from : to - from + dayMinutes,
    wallAt: createWallClock(timeZone),
  }
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return hours * 60 + minutes
}

function isIn({ starts, length }: Span, wall: number): boolean {
  return starts.some((start) => behind(start, wall) < length)
}

/** How many minutes of the week one is behind another. */
function behind(start: number, wall: number): number {
  return (wall - start + weekMinutes) % weekMinutes
}

/** The first minute after this at which a window may open or close: by the clock, or because the clock is set. */
function nextBoundary({ starts, length, wallAt }: Span, minute: number): number {
  const wall = wallAt(minute)
  const isRegular = (ahead: number): boolean => wallAt(minute + ahead) === (wall + ahead) % weekMinutes
  const edges = starts.flatMap((start) => [start, (start + length) % weekMinutes])
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

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { weekdays, type TransferWindow } from '@stowage/mirror/edge/transfer'
import { createWindowLook, windowStateAt } from './transfer-window.ts'

const minuteMs = 60_000
const at = (text: string): number => Date.parse(text)
const iso = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 16)
const night: TransferWindow = { start: '22:00', end: '06:00' }

const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Africa/Casablanca']
const calendars = new Map(
  zones.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }),
  ]),
)

/** What a clock on the wall shows, asked in another way than the one that is tried. */
function wallOf(epochMs: number, timeZone: string): { day: number; time: string } {
  const [date = '', time = ''] = (calendars.get(timeZone)?.format(epochMs) ?? '').split(' ')
  return { day: (new Date(`${date}T00:00Z`).getUTCDay() + 6) % 7, time }
}

function isOpenOnWall({ days, start, end, timeZone = 'UTC' }: TransferWindow, epochMs: number): boolean {
  const { day, time } = wallOf(epochMs, timeZone)
  const isDay = (number: number): boolean => !days?.length || days.includes(weekdays[(number + 7) % 7]!)
  if (start < end) return isDay(day) && time >= start && time < end
  return (isDay(day) && time >= start) || (isDay(day - 1) && time < end)
}

describe('a window', () => {
  it.each<[string, TransferWindow, string, boolean, string]>([
    ['opens', night, '2026-11-23T21:59:59.999Z', false, '2026-11-23T22:00'],
    ['is open from its first instant on', night, '2026-11-23T22:00Z', true, '2026-11-24T06:00'],
    ['goes over midnight', night, '2026-11-24T05:59Z', true, '2026-11-24T06:00'],
    ['is closed from its end on', night, '2026-11-24T06:00Z', false, '2026-11-24T22:00'],
    ['lasts a day', { days: ['Sat'], start: '06:00', end: '06:00' }, '2026-11-28T12:00Z', true, '2026-11-29T06:00'],
    [
      'belongs to the day on which it begins',
      { ...night, days: ['Sun'] },
      '2026-11-30T01:00Z',
      true,
      '2026-11-30T06:00',
    ],
    ['waits for its day', { ...night, days: ['Wed'] }, '2026-11-26T06:00Z', false, '2026-12-02T22:00'],
    [
      'is of its zone',
      { start: '22:00', end: '06:00', timeZone: 'Asia/Kathmandu' },
      '2026-11-23T12:00Z',
      false,
      '2026-11-23T16:15',
    ],
    [
      'is not there on the day on which clocks are put forward over it',
      { start: '02:15', end: '02:45', timeZone: 'Europe/Berlin' },
      '2026-03-28T12:00Z',
      false,
      '2026-03-30T00:15',
    ],
    [
      'is cut short where they are put forward in it',
      { start: '01:30', end: '02:30', timeZone: 'Europe/Berlin' },
      '2026-03-29T00:45Z',
      true,
      '2026-03-29T01:00',
    ],
    [
      'is there twice where they are put back',
      { start: '02:15', end: '02:45', timeZone: 'Europe/Berlin' },
      '2026-10-25T00:45Z',
      false,
      '2026-10-25T01:15',
    ],
  ])('%s', (_, window, now, isOpen, changesAt) => {
    const state = windowStateAt([window], at(now))
    expect([state.isOpen, iso(state.changesAt)]).toEqual([isOpen, changesAt])
  })

  it('joins another one', () => {
    const day: TransferWindow = { start: '06:00', end: '22:00' }
    expect(windowStateAt([night, { start: '05:00', end: '07:00' }], at('2026-11-24T01:00Z'))).toEqual({
      isOpen: true,
      changesAt: at('2026-11-24T07:00Z'),
    })
    expect(windowStateAt([night, day], at('2026-11-24T01:00Z'))).toEqual({ isOpen: true, changesAt: Infinity })
  })

  it('is of UTC where the zone is not known', () => {
    const window = { ...night, timeZone: 'Europe/Atlantis' }
    expect(iso(windowStateAt([window], at('2026-11-23T12:00Z')).changesAt)).toBe('2026-11-23T22:00')
  })

  it('is of the zone of the node where it says so', () => {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
    const now = at('2026-11-23T12:34Z')
    expect(windowStateAt([{ ...night, timeZone: 'Local' }], now)).toEqual(windowStateAt([{ ...night, timeZone }], now))
  })

  it('is looked at again only when it may have changed, and when a clock goes back', () => {
    const look = createWindowLook()
    for (const now of ['2026-11-23T12:00Z', '2026-11-23T21:59Z', '2026-11-23T22:00Z', '2026-11-23T12:00Z']) {
      expect(look([night], at(now))).toEqual(windowStateAt([night], at(now)))
    }
    expect(look([night], at('2026-11-23T12:01Z'))).toBe(look([{ ...night }], at('2026-11-23T21:00Z')))
  })

  it('opens and closes when a look at the clock each minute says so, whatever the clock does', () => {
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map((pair) => pair.map((part) => String(part).padStart(2, '0')).join(':'))
    const zone = fc.constantFrom(...zones)
    const window = fc.record({ days: fc.subarray([...weekdays]), start: time, end: time, timeZone: zone })
    // Around the days on which clocks are set somewhere.
    const change = fc.constantFrom('2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-02-15')
    const now = fc
      .tuple(change, fc.integer({ min: -2 * 1440, max: 2 * 1440 }))
      .map(([day, offset]) => at(`${day}T00:00Z`) + offset * minuteMs)
    fc.assert(
      fc.property(fc.array(window, { minLength: 1, maxLength: 2 }), now, (windows, instant) => {
        const isOpen = (epochMs: number): boolean => windows.some((one) => isOpenOnWall(one, epochMs))
        const state = windowStateAt(windows, instant)
        expect(state.isOpen).toBe(isOpen(instant))
        const until = Math.min(state.changesAt, instant + 9 * 1440 * minuteMs)
        for (let look = instant; look < until; look += minuteMs) {
          if (isOpen(look) !== state.isOpen) expect.fail(`it changes at ${iso(look)} already, not at ${iso(until)}`)
        }
        if (state.changesAt < Infinity) expect(isOpen(state.changesAt)).toBe(!state.isOpen)
      }),
      { numRuns: 40 },
    )
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Assignment } from '@stowage/mirror/edge/assignment'
import { Fault } from '@stowage/mirror/oci/fault'
import { createMemoryCentre, linkAway, type MemoryCentre } from '../testing/memory-centre.ts'
import { createMemorySource } from '../testing/memory-source.ts'
import { silentLog } from '../testing/silent-log.ts'
import { createContact, type Contact, type ContactOptions } from './contact.ts'
import type { ReportBody } from './reporting.ts'

const soon = { timeout: 10_000, interval: 5 }
const quiet: ReportBody = {
  version: 1,
  node: 'edge-1',
  instance: crypto.randomUUID(),
  agentVersion: '0.0.0',
  platform: { os: 'linux', architecture: 'amd64' },
  labels: {},
  runtime: 'layout:/images',
  acknowledged: null,
  images: [],
  bytesPerSecond: 0,
  bytesReceived: 0,
}

let centre: MemoryCentre
let body: ReportBody | undefined
let latest: Assignment | undefined
let linksBack: number
let errors: string[]
let stop: AbortController
let running: Promise<void>

beforeEach(() => {
  centre = createMemoryCentre(createMemorySource())
  body = quiet
  latest = undefined
  linksBack = 0
  errors = []
  stop = new AbortController()
  running = Promise.resolve()
})
afterEach(async () => {
  stop.abort()
  await running
})

function start(changes: Partial<ContactOptions> = {}): Contact {
  let counter = 0
  const contact = createContact({
    centre,
    node: 'edge-1',
    bodyOf: () => body,
    nextCounter: () => ++counter,
    onReceipt: () => {},
    isBusy: () => false,
    latest: () => latest,
    obey: async (assignment) => void (latest = assignment),
    onLinkBack: () => void (linksBack += 1),
    contactEveryMs: 50,
    progressEveryMs: 5,
    random: () => 0,
    log: { ...silentLog, error: (_: unknown, message: string) => void errors.push(message) } as ContactOptions['log'],
    ...changes,
  })
  running = contact.run(stop.signal)
  return contact
}

describe('the contact with a centre', () => {
  it('is kept up without news, and each time says until when it will be heard of again', async () => {
    start()
    await expect.poll(() => centre.reports.length, soon).toBeGreaterThanOrEqual(4)
    for (const { nextContactInMs } of centre.reports) expect(nextContactInMs).toBeGreaterThanOrEqual(100)
    const counters = centre.reports.map(({ counter }) => counter)
    expect(counters).toEqual(counters.toSorted((a, b) => a - b))
  })

  it('says nothing before anything is known', async () => {
    body = undefined
    const contact = start()
    contact.tell()
    body = { ...quiet, runtime: 'known now' }
    contact.tell()
    await expect.poll(() => centre.reports[0]?.runtime, soon).toBe('known now')
  })

  it('tells news at once, and progress while bytes move', async () => {
    let isBusy = false
    const contact = start({ contactEveryMs: 60_000, isBusy: () => isBusy })
    await expect.poll(() => centre.reports.length, soon).toBe(1)
    body = { ...quiet, trouble: 'a disk is full' }
    contact.tell()
    await expect.poll(() => centre.reports.at(-1)?.trouble, soon).toBe('a disk is full')
    isBusy = true
    contact.tell()
    await expect.poll(() => centre.reports.length, soon).toBeGreaterThan(5)
  })

  it('hears an assignment, and obeys it', async () => {
    start()
    const assignment = centre.assign({ cache: 'A', images: [] })
    await expect.poll(() => latest, soon).toEqual(assignment)
  })

  it('goes on trying when the link is away, and says that it is back', async () => {
    centre.away = linkAway()
    start()
    await expect.poll(() => centre.refused, soon).toBeGreaterThan(3)
    expect(linksBack).toBe(0)
    centre.away = undefined
    await expect.poll(() => linksBack, soon).toBe(1)
    centre.away = linkAway()
    await expect.poll(() => centre.refused, soon).toBeGreaterThan(6)
    centre.away = undefined
    await expect.poll(() => linksBack, soon).toBe(2)
  })

  it('says once and clearly that another agent has the name, until that is over', async () => {
    let refused = 0
    centre.onReport = () => {
      refused += 1
      throw new Fault('conflict', 'node edge-1 is taken')
    }
    const contact = start()
    await expect.poll(() => refused, soon).toBeGreaterThan(3)
    expect(contact.trouble()).toBe('node edge-1 is taken')
    expect(errors).toEqual(['report refused'])
    centre.onReport = () => {}
    await expect.poll(() => contact.trouble(), soon).toBeUndefined()
  })

  it('survives answers that make no sense', async () => {
    const garbage = new Fault('invalid', 'the answer is not JSON; is it a centre?')
    const contact = start({ centre: { ...centre, nextAssignment: () => Promise.reject(garbage) } })
    await expect.poll(() => contact.trouble(), soon).toBe(garbage.message)
    await expect.poll(() => centre.reports.length, soon).toBeGreaterThan(2)
  })

  it('does not ask without pause where nobody holds the answer back', async () => {
    let asked = 0
    const nextAssignment = async (): Promise<'same'> => {
      asked += 1
      return 'same'
    }
    start({ centre: { ...centre, nextAssignment }, contactEveryMs: 1000 })
    await expect.poll(() => asked, soon).toBeGreaterThan(1)
    expect(asked).toBeLessThan(10)
  })

  it('does not ask without pause where an assignment comes that is not obeyed', async () => {
    let asked = 0
    const stale = centre.assign({ cache: 'A', images: [] })
    const nextAssignment = async (): Promise<Assignment> => {
      asked += 1
      return stale
    }
    latest = { ...stale, sequence: 9 }
    start({ centre: { ...centre, nextAssignment }, obey: async () => {}, contactEveryMs: 1000 })
    await expect.poll(() => asked, soon).toBeGreaterThan(1)
    expect(asked).toBeLessThan(10)
  })

  it('knows when a report was heard, and stops waiting when the centre has given the node up', async () => {
    const contact = start()
    await expect.poll(() => centre.reports.length, soon).toBe(1)
    body = { ...quiet, trouble: 'heard' }
    await contact.delivered(stop.signal)
    expect(centre.reports.at(-1)?.trouble).toBe('heard')
    centre.away = linkAway()
    const promised = centre.reports.at(-1)?.nextContactInMs ?? 0
    const before = performance.now()
    await contact.delivered(stop.signal)
    expect(performance.now() - before).toBeLessThan(promised + 5000)
  })

  it('ends with a bug of ours', async () => {
    const obey = (): Promise<void> => Promise.reject(new TypeError('x is undefined'))
    start({ obey })
    const ended = running
    running = Promise.resolve()
    centre.assign({ cache: 'A', images: [] })
    await expect(ended).rejects.toThrow('x is undefined')
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSimulatedElection, timing, type Fate, type SimulatedProcess } from '../../testing/simulated-election.ts'
import { addressAnnotation } from './lease.ts'

const second = 1000
const leads = (processes: readonly SimulatedProcess[]): string[] =>
  processes.filter((process) => process.believes()).map(({ identity }) => identity)

describe('an election', () => {
  it('has one leader, whom the others know', async () => {
    const { time, server, start } = createSimulatedElection(() => 0.5)
    const [a, b] = [start('a'), start('b')]
    await time.runUntil(10 * second)
    expect(leads([a, b])).toEqual(server.holders)
    const [leader, other] = a.believes() ? [a, b] : [b, a]
    expect(other.election.leader()).toMatchObject({ identity: leader.identity, address: `${leader.identity}:1` })
    expect(leader.election.leader()).toBeUndefined()
  })

  it('has another one at once when the leader ends in an orderly way', async () => {
    const { time, server, start } = createSimulatedElection(() => 0.5)
    const a = start('a')
    await time.runUntil(5 * second)
    const b = start('b')
    await time.runUntil(8 * second)
    a.stop()
    await time.runUntil(8 * second + 1.2 * timing.retryPeriodMs + second)
    expect([a.ended(), a.believes(), b.believes()]).toEqual(['stopped', false, true])
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
  })

  it('has another one within 20 s when the leader is gone, and none before it could know of that', async () => {
    const { time, start } = createSimulatedElection(() => 0.5)
    const a = start('a', { pauses: [{ from: 60 * second, to: 1e9 }] })
    await time.runUntil(5 * second)
    const b = start('b')
    await time.runUntil(60 * second + timing.renewDeadlineMs)
    expect([a.believes(), b.believes()]).toEqual([undefined, false])
    await time.runUntil(80 * second)
    expect(b.believes()).toBe(true)
  })

  it('ends who was stopped for longer than the Lease as soon as it goes on', async () => {
    const { time, server, start } = createSimulatedElection(() => 0.5)
    const a = start('a', { pauses: [{ from: 60 * second, to: 90 * second }] })
    await time.runUntil(5 * second)
    const b = start('b')
    await time.runUntil(90 * second)
    expect(a.believes()).toBe(false)
    await time.runUntil(92 * second)
    expect([a.ended(), b.believes()]).toEqual(['lost', true])
    expect(server.holders).toEqual(['a', 'b'])
  })

  it('counts from its question, however late it reads the answer', async () => {
    const { time, start } = createSimulatedElection(() => 0.5)
    // It stops while the answer to its first renewal is on the way.
    const a = start('a', { pauses: [{ from: 2550, to: 40 * second }] })
    await time.runUntil(second)
    const b = start('b')
    await time.runUntil(40 * second)
    expect([a.believes(), b.believes()]).toEqual([false, true])
  })

  it('has no leader while the API server is away for all, and one within seconds when it is back', async () => {
    const { time, start } = createSimulatedElection(() => 0.5)
    const silences = [{ from: 20 * second, to: 120 * second, loses: 'questions' }] as const
    const [a, b] = [start('a', { silences }), start('b', { silences })]
    await time.runUntil(10 * second)
    expect(leads([a, b])).toHaveLength(1)
    await time.runUntil(20 * second + timing.renewDeadlineMs + second)
    expect(leads([a, b])).toEqual([])
    const c = start('c', { silences })
    await time.runUntil(120 * second + 2 * timing.retryPeriodMs + second)
    expect(leads([a, b, c])).toHaveLength(1)
  })

  it('goes on under its leader when somebody deletes the Lease or empties it', async () => {
    const { time, server, start } = createSimulatedElection(() => 0.5)
    const a = start('a')
    await time.runUntil(5 * second)
    const b = start('b')
    await time.runUntil(8 * second)
    server.lease = undefined
    await time.runUntil(12 * second)
    expect([leads([a, b]), server.holders]).toEqual([['a'], ['a']])
    expect(server.lease).toMatchObject({ metadata: { annotations: { [addressAnnotation]: 'a:1' } } })
  })

  it('ends a leader whose Lease another one holds', async () => {
    const { time, server, start } = createSimulatedElection(() => 0.5)
    const a = start('a')
    await time.runUntil(5 * second)
    const { metadata, spec } = server.lease!
    server.lease = {
      ...server.lease!,
      metadata: { ...metadata, resourceVersion: 'x' },
      spec: { ...spec, holderIdentity: 'z' },
    }
    await time.runUntil(9 * second)
    expect(a.ended()).toBe('lost')
  })

  it('is won by who could not hear that it had won', async () => {
    const { time, server, start } = createSimulatedElection(() => 0.5)
    const a = start('a', { silences: [{ from: 150, to: 4 * second, loses: 'answers' }] })
    await time.runUntil(20 * second)
    expect([a.believes(), server.holders, server.lease?.spec.leaseTransitions]).toEqual([true, ['a'], 0])
  })
})

const span = (max: number): fc.Arbitrary<{ from: number; to: number }> =>
  fc
    .record({ from: fc.integer({ min: 0, max: 180 }), length: fc.integer({ min: 1, max }) })
    .map(({ from, length }) => ({ from: from * second, to: (from + length) * second }))
const fates: fc.Arbitrary<Fate> = fc.record({
  // The guarantee: clocks that differ by less than lease duration to renew deadline.
  rate: fc.double({ min: 0.85, max: 1.15, noNaN: true }),
  offMs: fc.integer({ min: -1e9, max: 1e9 }),
  pauses: fc.array(span(40), { maxLength: 2 }),
  silences: fc.array(
    fc
      .tuple(span(30), fc.constantFrom('questions' as const, 'answers' as const))
      .map(([times, loses]) => ({ ...times, loses })),
    { maxLength: 3 },
  ),
})

describe('whatever clocks, pauses and lost words do', () => {
  it('never do two believe to lead, and in the end one does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fates, { minLength: 2, maxLength: 3 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        async (all, draws) => {
          const { time, start } = createSimulatedElection(() => draws.next().value as number)
          const processes = all.map((fate, index) => start(`${index}`, fate))
          const check = (): void => {
            const believers = leads(processes)
            // Who has lost is started anew, as Kubernetes does it.
            for (const [index, { identity }] of processes.entries()) {
              if (processes[index]!.ended() === 'lost') processes[index] = start(`${identity}+`)
            }
            if (believers.length > 1) throw new Error(`at ${time.now()} these lead: ${believers.join(', ')}`)
          }
          // Between any two things that happen, too, a belief may end, but none begins.
          await time.runUntil(300 * second, check)
          expect(leads(processes)).toHaveLength(1)
        },
      ),
      { numRuns: 60 },
    )
  })
})

import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Assignment } from '@stowage/mirror/edge/assignment'
import { edgePaths } from '@stowage/mirror/edge/paths'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { fastify, type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openCentreMemory, type CentreMemory } from '../memory/centre-memory.ts'
import { neverAway } from '../plan/reachable.ts'
import { createRecordingMeter, type RecordingMeter } from '../testing/recording-meter.ts'
import { silentLog } from '../testing/silent-log.ts'
import { aReport } from '../testing/world.ts'
import { createAssignmentBoard, type AssignmentBoard } from './assignment-board.ts'
import { edgeApi } from './edge-api.ts'
import { createNodeRegistry, type NodeRegistry } from './node-registry.ts'

const other = '6f0dd1c5-8a1f-4a3c-9ab2-6ac0c3c5a002'
const objects = () => createMemoryStore()
const anAssignment = (sequence: number): Assignment => ({ version: 1, node: 'n', epoch: 'e', sequence, entries: [] })

describe('/edge/v1', () => {
  let app: FastifyInstance
  let store = objects()
  let memory: CentreMemory
  let board: AssignmentBoard
  let meter: RecordingMeter
  let stop: AbortController
  let registry: NodeRegistry
  let news: number
  let now: number

  beforeEach(async () => {
    store = objects()
    memory = await openCentreMemory(store)
    meter = createRecordingMeter()
    board = createAssignmentBoard(memory.assignments.all)
    stop = new AbortController()
    news = 0
    now = 1_000_000
    registry = createNodeRegistry({
      nodes: memory.nodes,
      listening: () => neverAway,
      meter,
      now: () => now,
      log: silentLog,
      onNews: () => void news++,
    })
    const isKnown = (node: string): boolean => memory.nodes.all.has(node)
    app = fastify()
    const { signal } = stop
    await app.register(
      edgeApi({ registry, board, assignments: memory.assignments.all, isKnown, signal, log: silentLog, meter }),
    )
  })
  afterEach(async () => {
    stop.abort()
    await app.close()
  })

  const report = (payload: unknown, node = 'n') =>
    app.inject({ method: 'PUT', url: edgePaths.report(node), payload: payload as object })
  const ask = (query = '', headers: Record<string, string> = {}) =>
    app.inject({ url: `${edgePaths.assignment('n')}${query}`, headers })
  const publish = async (sequence: number): Promise<void> => {
    await memory.assignments.put('n', anAssignment(sequence))
    board.changed('n')
  }

  describe('report', () => {
    it('is answered with the version that the node should know', async () => {
      expect((await report(aReport('n'))).json()).toEqual({ assignment: null })
      await publish(3)
      expect((await report(aReport('n', { counter: 2 }))).json()).toEqual({ assignment: 'e/3' })
    })

    it('that is late is answered, and dropped', async () => {
      await report(aReport('n', { counter: 5, runtime: 'new' }))
      expect((await report(aReport('n', { counter: 4, runtime: 'old' }))).statusCode).toBe(200)
      expect(memory.nodes.all.get('n')?.report.runtime).toBe('new')
      const received = 'stowage_reports_received_total'
      expect([meter.sum(received, { verdict: 'accepted' }), meter.sum(received, { verdict: 'late' })]).toEqual([1, 1])
    })

    it('of a clone is refused with what to do', async () => {
      await report(aReport('n'))
      const answer = await report(aReport('n', { instance: other }))
      expect(answer.statusCode).toBe(409)
      expect(answer.json()).toMatchObject({
        error: { code: 'conflict', message: expect.stringContaining('--node') as string },
      })
    })

    it.each<[string, unknown, string, number, string]>([
      ['another node', aReport('m'), 'n', 400, 'the report is of node m, and was sent for n'],
      ['no report', { version: 1 }, 'n', 400, 'report: '],
      ['a node that is none', aReport('n'), 'N_1', 400, '"N_1" is not a node name'],
      ['more than a report may have', { padding: 'x'.repeat(1024 * 1024) }, 'n', 413, 'too large'],
    ])('of %s is refused', async (_, payload, node, status, message) => {
      const answer = await report(payload, node)
      expect(answer.statusCode).toBe(status)
      expect(answer.json()).toMatchObject({ error: { message: expect.stringContaining(message) as string } })
    })

    it('that is not JSON is refused', async () => {
      const headers = { 'content-type': 'application/json' }
      const answer = await app.inject({ method: 'PUT', url: edgePaths.report('n'), payload: '{', headers })
      expect(answer.statusCode).toBe(400)
    })

    it('is written down when it is news, and else now and then', async () => {
      const stored = async () => (await openCentreMemory(store)).nodes.all.get('n')?.report.counter
      await report(aReport('n', { counter: 1 }))
      expect([await stored(), news]).toEqual([1, 1])
      now += 59_000
      await report(aReport('n', { counter: 2, bytesReceived: 7 }))
      expect([await stored(), news]).toEqual([1, 1])
      expect(memory.nodes.all.get('n')?.report.bytesReceived).toBe(7)
      now += 1000
      await report(aReport('n', { counter: 3 }))
      expect([await stored(), news]).toEqual([3, 1])
    })
  })

  describe('silence', () => {
    const stored = async () => (await openCentreMemory(store)).nodes.all.get('n')

    it('is written down with the last word once it is too long, and ends with the next word', async () => {
      await report(aReport('n', { counter: 1 }))
      now += 10_000
      await report(aReport('n', { counter: 2, bytesReceived: 7 }))
      expect(await registry.noteSilence()).toBe(now + 60_001)
      now += 60_001
      expect(await registry.noteSilence()).toBe(Infinity)
      expect(await stored()).toMatchObject({ isOverdue: true, report: { counter: 2 } })
      await report(aReport('n', { counter: 3, bytesReceived: 7 }))
      expect([(await stored())?.isOverdue, news]).toEqual([false, 2])
    })

    it('of a thousand nodes is written down once', async () => {
      const names = Array.from({ length: 1000 }, (_, index) => `n-${index}`)
      for (const name of names) await registry.take(aReport(name))
      now += 60_001
      const write = vi.spyOn(store, 'putIfMatch')
      await registry.noteSilence()
      expect(write).toHaveBeenCalledTimes(1000)
      expect(await registry.noteSilence()).toBe(Infinity)
      expect(write).toHaveBeenCalledTimes(1000)
    })
  })

  describe('assignment', () => {
    it('is not there before the first report', async () => {
      const answer = await ask()
      expect(answer.statusCode).toBe(404)
      expect(answer.json()).toMatchObject({ error: { message: 'node n is not known: a node reports before it asks' } })
    })

    it('is not there before the first one is made', async () => {
      await report(aReport('n'))
      expect((await ask('?wait=0')).json()).toMatchObject({
        error: { code: 'not-found', message: expect.stringContaining('yet') as string },
      })
    })

    describe('once it is there', () => {
      beforeEach(async () => {
        await report(aReport('n'))
        await publish(1)
      })

      it('has its version as ETag, and is not sent twice', async () => {
        const first = await ask('?wait=30')
        expect(first.headers['etag']).toBe('"e/1"')
        expect(first.json()).toEqual(anAssignment(1))
        const second = await ask('', { 'if-none-match': '"e/1"' })
        expect([second.statusCode, second.headers['etag'], second.body]).toEqual([304, '"e/1"', ''])
        expect((await ask('', { 'if-none-match': 'W/"e/0"' })).statusCode).toBe(200)
        const served = 'stowage_assignments_served_total'
        expect([meter.sum(served, { result: 'sent' }), meter.sum(served, { result: 'unchanged' })]).toEqual([2, 1])
      })

      it('wakes who waits for the next one', async () => {
        const waiting = ask('?wait=30', { 'if-none-match': '"e/1"' })
        await expect.poll(() => board.waiting()).toBe(1)
        await publish(2)
        expect((await waiting).json()).toEqual(anAssignment(2))
        expect(board.waiting()).toBe(0)
      })

      it('ends a wait with 304', async () => {
        expect((await ask('?wait=0.05', { 'if-none-match': '"e/1"' })).statusCode).toBe(304)
        expect(board.waiting()).toBe(0)
      })

      it('ends all waits when the centre stops', async () => {
        const waiting = ask('?wait=30', { 'if-none-match': '"e/1"' })
        await expect.poll(() => board.waiting()).toBe(1)
        stop.abort()
        expect((await waiting).statusCode).toBe(304)
      })

      it('forgets who waited and went away', async () => {
        await app.listen({ host: '127.0.0.1', port: 0 })
        const { port } = app.server.address() as AddressInfo
        const headers = { 'if-none-match': '"e/1"' }
        const request = httpRequest({ host: '127.0.0.1', port, path: `${edgePaths.assignment('n')}?wait=30`, headers })
        request.on('error', () => undefined).end()
        await expect.poll(() => board.waiting()).toBe(1)
        request.destroy()
        await expect.poll(() => board.waiting()).toBe(0)
      })

      it('is not waited for in words', async () => {
        expect((await ask('?wait=long')).statusCode).toBe(400)
      })
    })
  })
})

import { createServer, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { Fault } from '../../oci/fault.ts'
import { askMirror } from '../../operations/ask-mirror.ts'
import { offer, type Operation, type RunOperation } from '../../operations/operation.ts'
import { createMirrorServer, listen } from '../mirror-server.ts'
import { operationsRoutes } from './operations-routes.ts'

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})

interface Count {
  readonly to: number
}

const counting: Operation<Count, number, string> = {
  verb: 'count',
  options: z.strictObject({ to: z.number().int() }),
  progress: z.number(),
  result: z.string(),
}

const count: RunOperation<Count, number, string> = async ({ to }, { onProgress }) => {
  for (let n = 1; n <= to; n++) onProgress(n)
  return `counted to ${to}`
}

/** Goes on until somebody ends it. */
function endless() {
  const begun = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<unknown>()
  const run: RunOperation<Count, number, string> = async (_, { signal }) => {
    begun.resolve()
    if (!signal.aborted) await once(signal, 'abort')
    ended.resolve(signal.reason)
    throw signal.reason as Error
  }
  return { run, begun: begun.promise, ended: ended.promise }
}

async function openMirror(run: typeof count) {
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const app = createMirrorServer()
  await app.register(operationsRoutes, { operations: [offer(counting, run)], tokens: async () => ['secret'], log })
  const listening = await listen(app, { host: '127.0.0.1', port: 0, graceMs: 100 })
  opened.push(listening)
  return { ...listening, lines }
}

function ask(url: string, options: Count, more: { signal?: AbortSignal; token?: string; heard?: number[] } = {}) {
  const { signal = new AbortController().signal, token = 'secret', heard = [] } = more
  const onProgress = (progress: number): void => void heard.push(progress)
  return askMirror(counting, options, { url: new URL(url), token, signal, onProgress })
}

describe('an operation at a mirror that runs', () => {
  it('tells how far it is, and what came of it', async () => {
    const { url } = await openMirror(count)
    const heard: number[] = []
    expect(await ask(url, { to: 3 }, { heard })).toBe('counted to 3')
    // Not all that is soon after it: links are thin.
    expect(heard[0]).toBe(1)
  })

  it('is one JSON document a line for who has no client of ours', async () => {
    const { url } = await openMirror(count)
    const headers = { authorization: 'Bearer secret' }
    const answer = await fetch(`${url}/ops/v1/count`, { method: 'POST', headers, body: '{"to":1}' })
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    const lines = (await answer.text()).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([{}, { progress: 1 }, { result: 'counted to 1' }])
  })

  it('is not for who shows another token, which is nowhere said', async () => {
    const { url, lines } = await openMirror(count)
    const said = await ask(url, { to: 1 }, { token: 'hunter2' }).catch((error: unknown) => error as Fault)
    expect(said).toMatchObject({ code: 'denied', message: expect.stringContaining('the token') as string })
    expect(lines.join('') + JSON.stringify(said)).not.toMatch(/hunter2|secret/)
  })

  it.each<[string, () => RequestInit, number, string]>([
    ['count', () => ({ body: '{"to":1.5}' }), 400, 'count: to: '],
    ['count', () => ({ body: '{"to":1,"from":0}' }), 400, 'from'],
    ['count', () => ({ body: 'x' }), 400, 'no JSON'],
    ['count', () => ({ body: `"${'x'.repeat(100_000)}"` }), 400, 'larger'],
    ['count', () => ({ method: 'PUT', body: '{"to":1}' }), 400, 'POST'],
    ['juggle', () => ({ body: '{}' }), 404, 'it does count'],
  ])('is refused: %s', async (verb, request, status, words) => {
    const { url } = await openMirror(count)
    const headers = { authorization: 'Bearer secret' }
    const answer = await fetch(`${url}/ops/v1/${verb}`, { method: 'POST', headers, ...request() })
    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain(words)
  })

  it('says why it failed, and nothing of a bug but that its log does', async () => {
    const { url } = await openMirror(() => Promise.reject(new Fault('corrupt', 'a record is damaged')))
    await expect(ask(url, { to: 1 })).rejects.toMatchObject({ code: 'corrupt', message: 'a record is damaged' })
    const other = await openMirror(() => Promise.reject(new Error('inner things')))
    const told = { code: 'unavailable', message: 'internal error; the log of the mirror says more' }
    await expect(ask(other.url, { to: 1 })).rejects.toMatchObject(told)
    expect(other.lines.join('')).toContain('inner things')
  })

  it('ends when who asked goes away', async () => {
    const { run, begun, ended } = endless()
    const { url } = await openMirror(run)
    const stop = new AbortController()
    const asking = ask(url, { to: 1 }, { signal: stop.signal })
    await begun
    stop.abort()
    await expect(asking).rejects.toBe(stop.signal.reason)
    expect(await ended).toMatchObject({ message: 'who asked for it went away' })
  })

  it('ends with the mirror, which says so', async () => {
    const { run, begun } = endless()
    const mirror = await openMirror(run)
    const asking = ask(mirror.url, { to: 1 })
    const said = expect(asking).rejects.toMatchObject({ code: 'unavailable', message: /being stopped/ })
    await begun
    await mirror[Symbol.asyncDispose]()
    await said
  })

  it('is not taken for done when the connection is cut', async () => {
    const url = await serverThat((response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.end('{}\n{"progress":1}\n')
    })
    await expect(ask(url, { to: 1 })).rejects.toMatchObject({
      code: 'unavailable',
      message: /before the work was done/,
    })
  })

  it.each([
    [404, 'not-found', '--operator-token-file'],
    [200, 'not-found', '--operator-token-file'],
    [502, 'unavailable', 'in between'],
  ])('is not answered by what is no mirror (%d)', async (status, code, words) => {
    const url = await serverThat((response) => response.writeHead(status).end('hello'))
    const message = expect.stringContaining(words) as string
    await expect(ask(url, { to: 1 })).rejects.toMatchObject({ code, message })
  })
})

async function serverThat(answers: (response: ServerResponse) => unknown): Promise<string> {
  const server = createServer((_request, response) => void answers(response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.push({ [Symbol.asyncDispose]: async () => void server.close() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

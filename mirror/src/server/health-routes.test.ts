import { fastify, type FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Fault } from '../oci/fault.ts'
import { healthRoutes } from './health-routes.ts'

describe('/healthz and /readyz', () => {
  let app: FastifyInstance
  let reason: string | undefined
  let failure: Error | undefined
  let lines: string[]
  const store = { name: 'store', look: () => (failure ? Promise.reject(failure) : Promise.resolve(reason)) }
  const ping = { name: 'ping', look: () => undefined }
  const ask = async (path: string) => {
    const { statusCode, body } = await app.inject(path)
    return [statusCode, body]
  }

  beforeEach(() => {
    app = fastify()
    ;[reason, failure, lines] = [undefined, undefined, []]
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
    healthRoutes(app, { live: [ping], ready: [ping, store] }, log)
  })
  afterEach(() => app.close())

  it('say ok in a word, or all that was looked at', async () => {
    expect(await ask('/healthz')).toEqual([200, 'ok'])
    expect(await ask('/readyz')).toEqual([200, 'ok'])
    expect(await ask('/readyz?verbose')).toEqual([200, '[+]ping ok\n[+]store ok\nreadyz check passed\n'])
  })

  it('say what is not as it should be; what must not be asked may live', async () => {
    reason = 'not to be read'
    expect(await ask('/readyz')).toEqual([503, '[+]ping ok\n[-]store failed: not to be read\nreadyz check failed\n'])
    expect(await ask('/healthz')).toEqual([200, 'ok'])
  })

  it.each([
    [new Fault('unavailable', 'bucket images at 10.0.0.1:9000: no answer'), 'unavailable; the log says why'],
    [new Error('ENOENT: /srv/data/oci-layout at 10.0.0.1'), 'the log says why'],
  ])('take a check that throws for one that failed, and say why in the log, once', async (error, said) => {
    failure = error
    const answer = [503, `[+]ping ok\n[-]store failed: ${said}\nreadyz check failed\n`]
    expect([await ask('/readyz'), await ask('/readyz')]).toEqual([answer, answer])
    expect(lines.map((line) => [line.includes('10.0.0.1'), line.includes('"check":"store"')])).toEqual([[true, true]])
    failure = undefined
    expect(await ask('/readyz')).toEqual([200, 'ok'])
    failure = error
    expect([await ask('/readyz'), lines.length]).toEqual([answer, 2])
  })
})

import { fastify, type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { healthRoutes } from './health-routes.ts'

describe('/healthz and /readyz', () => {
  let app: FastifyInstance
  let reason: string | undefined
  const store = { name: 'store', look: () => Promise.resolve(reason) }
  const ping = { name: 'ping', look: () => undefined }
  const ask = async (path: string) => {
    const { statusCode, body } = await app.inject(path)
    return [statusCode, body]
  }

  beforeEach(() => {
    app = fastify()
    reason = undefined
    healthRoutes(app, { live: [ping], ready: [ping, store] })
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

  it('take a check that throws for one that failed', async () => {
    store.look = () => Promise.reject(new Error('gone'))
    expect((await ask('/readyz'))[0]).toBe(503)
  })
})

import { Fault, type FaultCode } from '@stowage/mirror/oci/fault'
import { fastify } from 'fastify'
import type { Logger } from 'pino'
import { expect, it, vi } from 'vitest'
import { createRefusalHandler } from './refusal-handler.ts'

async function answerTo(error: Error) {
  const log = { error: vi.fn<(...words: unknown[]) => void>(), warn: vi.fn<(...words: unknown[]) => void>() }
  await using app = fastify()
  app.setErrorHandler(createRefusalHandler(log as unknown as Logger))
  app.get('/x', () => Promise.reject(error))
  const { statusCode, body } = await app.inject('/x?secret=1')
  return {
    statusCode,
    body: JSON.parse(body) as unknown,
    logged: [log.error, log.warn].flatMap(({ mock }) => mock.calls),
  }
}

it('says a fault to the client', async () => {
  const answer = await answerTo(new Fault('conflict', 'node n is taken'))
  expect(answer).toEqual({
    statusCode: 409,
    body: { error: { code: 'conflict', message: 'node n is taken' } },
    logged: [],
  })
})

it.each<[FaultCode, number, Record<string, unknown>]>([
  ['unavailable', 503, {}],
  ['denied', 503, {}],
  ['corrupt', 502, {}],
  ['no-space', 507, { errno: 'ENOSPC' }],
  ['invalid', 503, { errno: 'ENOTDIR' }],
])(
  'says what is wrong in the centre to the log, and hardly anything of it to the client: a fault %s',
  async (...row) => {
    const [code, status, details] = row
    const fault = new Fault(code, 'mirror.stowage.svc:5000 (/srv/x) refuses the token', { details })
    const { statusCode, body, logged } = await answerTo(fault)
    expect([statusCode, JSON.stringify(body)]).toEqual([status, expect.not.stringMatching(/svc|srv|token/)])
    expect(JSON.stringify(body)).toContain('log says more')
    expect(logged).toEqual([[{ err: fault, method: 'GET', path: '/x' }, 'request failed']])
  },
)

it('says a bug to the log, and only that there is one to the client', async () => {
  const bug = new TypeError('x is undefined')
  const { statusCode, body, logged } = await answerTo(bug)
  expect({ statusCode, text: JSON.stringify(body) }).toEqual({
    statusCode: 500,
    text: expect.not.stringContaining('x is'),
  })
  expect(logged).toEqual([[{ err: bug, method: 'GET', path: '/x' }, 'request failed']])
})

import { Fault } from '@stowage/mirror/oci/fault'
import { fastify } from 'fastify'
import type { Logger } from 'pino'
import { expect, it, vi } from 'vitest'
import { createRefusalHandler } from './refusal-handler.ts'

async function answerTo(error: Error) {
  const log = { error: vi.fn<(...words: unknown[]) => void>() }
  await using app = fastify()
  app.setErrorHandler(createRefusalHandler(log as unknown as Logger))
  app.get('/x', () => Promise.reject(error))
  const { statusCode, body } = await app.inject('/x?secret=1')
  return { statusCode, body: JSON.parse(body) as unknown, logged: log.error.mock.calls }
}

it('says a fault to the client', async () => {
  const answer = await answerTo(new Fault('conflict', 'node n is taken'))
  expect(answer).toEqual({
    statusCode: 409,
    body: { error: { code: 'conflict', message: 'node n is taken' } },
    logged: [],
  })
})

it('says a bug to the log, and only that there is one to the client', async () => {
  const bug = new TypeError('x is undefined')
  const { statusCode, body, logged } = await answerTo(bug)
  expect({ statusCode, text: JSON.stringify(body) }).toEqual({
    statusCode: 500,
    text: expect.not.stringContaining('x is'),
  })
  expect(logged).toEqual([[{ err: bug, method: 'GET', path: '/x' }, 'request failed']])
})

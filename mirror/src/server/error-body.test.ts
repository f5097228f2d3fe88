import { describe, expect, it } from 'vitest'
import { Fault, type FaultCode } from '../oci/fault.ts'
import { errorAnswer } from './error-body.ts'
import { Refusal } from './refusal.ts'

const said = (error: unknown) => {
  const { status, headers, body } = errorAnswer(error)
  const document: unknown = JSON.parse(Buffer.from(body as Uint8Array).toString())
  return { status, headers, document }
}

describe('errorAnswer', () => {
  it.each<[FaultCode, number]>([
    ['invalid', 400],
    ['not-found', 404],
    ['denied', 403],
    ['conflict', 409],
  ])('says a fault %s with status %i and its message', (code, status) => {
    const answer = said(new Fault(code, 'what happened'))
    expect(answer.status).toBe(status)
    expect(answer.document).toEqual({
      errors: [{ code: expect.stringMatching(/^[A-Z_]+$/) as string, message: 'what happened', detail: {} }],
    })
  })

  it.each<[FaultCode, number, Record<string, unknown>]>([
    ['unavailable', 503, {}],
    ['corrupt', 500, {}],
    ['no-space', 507, { errno: 'ENOSPC' }],
    ['denied', 503, { errno: 'EACCES' }],
    ['invalid', 503, { errno: 'ENOTDIR' }],
  ])('keeps what is wrong here to itself: a fault %s has status %i', (code, status, details) => {
    const answer = said(new Fault(code, '/srv/x at 10.0.0.1:9000: the disk fails', { details }))
    expect(answer.status).toBe(status)
    expect(JSON.stringify(answer.document)).toMatch(/log says more/)
    expect(JSON.stringify(answer.document)).not.toMatch(/srv|10\.0/)
  })

  it('says when to come again', () => {
    expect(said(new Fault('unavailable', 'later', { retryAfterMs: 1500 })).headers).toMatchObject({
      'retry-after': '2',
    })
  })

  it('says a refusal in the words of the spec', () => {
    const refusal = new Refusal('BLOB_UPLOAD_INVALID', 'no', {
      status: 416,
      headers: { range: '0-4' },
      detail: { at: 5 },
    })
    expect(said(refusal)).toMatchObject({
      status: 416,
      headers: { range: '0-4', 'content-type': 'application/json' },
      document: { errors: [{ code: 'BLOB_UPLOAD_INVALID', message: 'no', detail: { at: 5 } }] },
    })
  })

  it('keeps the insides of a bug to itself', () => {
    const { status, document } = said(new Error('secret path /srv/x'))
    expect(status).toBe(500)
    expect(JSON.stringify(document)).not.toContain('secret')
  })
})

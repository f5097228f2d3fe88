import { describe, expect, it } from 'vitest'
import { Fault } from '../oci/fault.ts'
import { connectionFault } from './connection-fault.ts'

const withCode = (code: string) => Object.assign(new Error('of the network'), { code })

describe('connectionFault', () => {
  it.each([
    ['ECONNREFUSED', /connection refused/],
    ['ENOTFOUND', /no such host/],
    ['ECONNRESET', /was cut/],
    ['ERR_STREAM_PREMATURE_CLOSE', /was cut/],
    ['BODY_TIMEOUT', /silent/],
    ['PROXY_UNREACHABLE', /the proxy cannot be reached/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /--ca-file/],
    ['CERT_NOT_YET_VALID', /clock/],
    ['HPE_INVALID_CONSTANT', /not HTTP/],
    ['HPE_HEADER_OVERFLOW', /header is too large/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /--insecure-registry/],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', /connection failed \(ERR_SSL/],
    ['ENOVEL', /connection failed \(ENOVEL\)/],
  ])('%s is unavailable: %s', (code, message) => {
    const cause = withCode(code)
    expect(connectionFault(cause, 'registry.example')).toMatchObject({
      name: 'Fault',
      code: 'unavailable',
      message: expect.stringMatching(message),
      details: { host: 'registry.example', code },
      cause,
    })
  })

  it('looks into the tries of Happy Eyeballs', () => {
    const error = new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')])
    expect(connectionFault(error, 'registry.example')).toMatchObject({ details: { code: 'ECONNREFUSED' } })
  })

  it.each([
    ['a fault', new Fault('denied', 'no')],
    ['an abort', new DOMException('stop', 'AbortError')],
    ['a bug', new TypeError('undefined is not a function')],
    ['a bug that Node names', withCode('ERR_INVALID_ARG_TYPE')],
    ['no error at all', 'text'],
  ])('leaves %s alone', (_, error) => {
    expect(connectionFault(error, 'registry.example')).toBe(error)
  })
})

import { describe, expect, it } from 'vitest'
import { parseWrk } from './run-wrk.ts'

const report = (trouble = ''): string =>
  `Running 3s test @ http://127.0.0.1:1/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   725.40us  177.19us   3.65ms   96.30%
    Req/Sec    44.54k     3.06k   46.47k    93.55%
  137294 requests in 3.10s, 338.50MB read
${trouble}Requests/sec:  44291.01
Transfer/sec:    109.20MB
`

describe('wrk', () => {
  it('is read', () => {
    expect(parseWrk(report())).toEqual({ requests: 137_294, requestsPerSecond: 44_291.01 })
  })

  it.each([['  Non-2xx or 3xx responses: 5'], ['  Socket errors: connect 0, read 1, write 0, timeout 0']])(
    'is refused with %j',
    (trouble) => {
      expect(() => parseWrk(report(`${trouble}\n`))).toThrow(trouble.trim())
    },
  )
})

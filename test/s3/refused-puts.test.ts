import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { withBucket } from './with-bucket.ts'

requirePart('versitygw')('a write of many bytes whose condition does not hold', () => {
  const bucket = withBucket()
  const bytes = new Uint8Array(8 * 1024 * 1024)

  // The service answers and closes the connection while bytes still come: about every second answer is lost.
  it('is refused, and no failure of the connection', async () => {
    const etag = await bucket().put('large', bytes, { ifAbsent: true })
    expect(etag).toEqual(expect.any(String))
    for (let count = 0; count < 15; count++) {
      expect(await bucket().put('large', bytes, { ifAbsent: true })).toBeUndefined()
      expect(await bucket().put('large', bytes, { ifMatch: 'another' })).toBeUndefined()
    }
    expect(await bucket().put('large', bytes, { ifMatch: etag! })).toBe(etag)
    expect(await bucket().put('missing', bytes, { ifMatch: etag! })).toBeUndefined()
  })
})

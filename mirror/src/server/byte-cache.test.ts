import { describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { createByteCache } from './byte-cache.ts'

const [a, b, c] = ['a', 'b', 'c'].map((name) => digestOf(name)) as [never, never, never]

describe('a byte cache', () => {
  it('drops what was not asked for longest', () => {
    const cache = createByteCache({ capacity: 10 })
    cache.put(a, Buffer.alloc(4))
    cache.put(b, Buffer.alloc(4))
    cache.get(a)
    cache.put(c, Buffer.alloc(4))
    expect([a, b, c].map((digest) => cache.get(digest)?.length)).toEqual([4, undefined, 4])
  })

  it('keeps nothing that is larger than itself, and counts what comes twice once', () => {
    const cache = createByteCache({ capacity: 10 })
    cache.put(a, Buffer.alloc(11))
    expect(cache.get(a)).toBeUndefined()
    for (let time = 0; time < 5; time++) cache.put(b, Buffer.alloc(5))
    cache.put(c, Buffer.alloc(5))
    expect([b, c].map((digest) => cache.get(digest)?.length)).toEqual([5, 5])
  })
})

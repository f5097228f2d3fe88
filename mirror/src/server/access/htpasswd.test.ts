import { describe, expect, it } from 'vitest'
import { parseHtpasswd } from './htpasswd.ts'

const hash = `$2y$10$${'a'.repeat(53)}`

describe('a file of passwords', () => {
  it('has a name and a hash of bcrypt a line', () => {
    expect([...parseHtpasswd(`# people\n\nann:${hash}\r\n bob:${hash.replace('2y', '2b')}\n`).keys()]).toEqual([
      'ann',
      'bob',
    ])
  })

  it.each([
    ['ann', 'line 1: it is not NAME:HASH'],
    [`:${hash}`, 'line 1: it is not NAME:HASH'],
    ['\nann:$apr1$secret$secret', 'line 2: the hash of "ann" is not of bcrypt; make it with: htpasswd -B'],
    [`ann:${hash}x`, 'line 1: the hash of "ann" is not of bcrypt; make it with: htpasswd -B'],
    [`ann:${hash.replace('10', '20')}`, 'line 1: the hash of "ann" has a cost of 20; the most is 14'],
    [`ann:${hash}\nann:${hash}`, 'line 2: the user "ann" is there twice'],
  ])('with %j in it is refused', (text, message) => {
    expect(() => parseHtpasswd(text)).toThrow(expect.objectContaining({ code: 'invalid', message }) as Error)
  })
})

import { describe, expect, it } from 'vitest'
import { formatListenAddress, isLoopback, parseListenAddress } from './listen-address.ts'

describe('a listen address', () => {
  it.each([
    ['127.0.0.1:5080', { host: '127.0.0.1', port: 5080 }, true],
    ['localhost:0', { host: 'localhost', port: 0 }, true],
    ['[::1]:80', { host: '::1', port: 80 }, true],
    ['0.0.0.0:5080', { host: '0.0.0.0', port: 5080 }, false],
    [':5080', { host: '::', port: 5080 }, false],
    ['127.0.0.1.example.com:80', { host: '127.0.0.1.example.com', port: 80 }, false],
  ])('reads %s', (text, address, loopback) => {
    expect(parseListenAddress(text)).toEqual(address)
    expect(parseListenAddress(formatListenAddress(address))).toEqual(address)
    expect(isLoopback(address)).toBe(loopback)
  })

  it.each(['', '5080', 'host', 'host:', 'host:x', 'host:65536', '::1:80', 'http://a:80', 'a/b:80'])(
    'refuses %j and says how to write it',
    (text) => {
      expect(() => parseListenAddress(text)).toThrow(/HOST:PORT/)
    },
  )
})

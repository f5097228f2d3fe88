import { describe, expect, it } from 'vitest'
import { isLoopback, parseListenAddress } from './listen-address.ts'

describe('parseListenAddress', () => {
  it.each([
    ['127.0.0.1:5080', '127.0.0.1', 5080],
    ['[::1]:5080', '::1', 5080],
    [':5080', '::', 5080],
    ['5080', '127.0.0.1', 5080],
    ['localhost:0', 'localhost', 0],
  ])('reads %s', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port })
  })

  it.each(['', 'host', 'host:', 'host:70000', '::1:5080', '[x]:1', 'a:b:1'])('refuses %j', (text) => {
    expect(() => parseListenAddress(text)).toThrow(/--listen/)
  })
})

describe('isLoopback', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.8.0.1', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['::ffff:127.0.0.1', true],
    ['example.org', false],
  ])('%s: %s', (host, yes) => {
    expect(isLoopback(host)).toBe(yes)
  })
})

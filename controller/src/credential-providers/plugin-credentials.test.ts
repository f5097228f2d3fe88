import { Fault } from '@stowage/mirror/oci/fault'
import { describe, expect, it } from 'vitest'
import type { CacheKeyType, PluginAnswer } from './plugin-answer.ts'
import { createPluginCredentials } from './plugin-credentials.ts'
import type { CredentialProvider } from './provider-config.ts'

const provider: CredentialProvider = {
  name: 'plugin',
  matchImages: ['*.example'],
  defaultCacheMs: 60_000,
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  args: [],
  env: {},
}

/** A plugin that gives one password after another, for what it says that its answers are for. */
function open({ type = 'Image', cacheMs }: { readonly type?: CacheKeyType; readonly cacheMs?: number } = {}) {
  let now = 0
  const calls: string[] = []
  const running: ((answer: PluginAnswer | Fault) => void)[] = []
  let isSlow = false
  const answer = (): PluginAnswer => ({
    cacheKeyType: type,
    cacheMs,
    auth: { '*.example': { username: 'u', password: `p${calls.length}` } },
  })
  const credentials = createPluginCredentials(provider, {
    now: () => now,
    ask: async (_, image) => {
      calls.push(image)
      if (!isSlow) return answer()
      const ended = await new Promise<PluginAnswer | Fault>((resolve) => running.push(resolve))
      if (ended instanceof Fault) throw ended
      return ended
    },
  })
  return {
    calls,
    running,
    answer,
    credentials,
    passwordFor: async (image: string) => (await credentials.entriesFor(image))[0]?.credential.password,
    pass: (ms: number) => (now += ms),
    beSlow: () => (isSlow = true),
  }
}

const [a, b, other] = ['r.example/a', 'r.example/b', 's.example/a']

describe('what a plugin gives', () => {
  it.each<[CacheKeyType, string[]]>([
    ['Image', [a, b, other]],
    ['Registry', [a, other]],
    ['Global', [a]],
  ])('is kept for the %s', async (type, expected) => {
    const plugin = open({ type })
    for (const image of [a, a, b, b, other, other]) await plugin.passwordFor(image)
    expect(plugin.calls).toEqual(expected)
  })

  it('is kept as long as the answer says, else as the configuration does, and not at all if that is 0', async () => {
    for (const [cacheMs, expected] of [
      [5000, 2],
      [undefined, 1],
      [0, 3],
    ] as const) {
      const plugin = open(cacheMs === undefined ? {} : { cacheMs })
      await plugin.passwordFor(a)
      plugin.pass(4999)
      await plugin.passwordFor(a)
      plugin.pass(1)
      await plugin.passwordFor(a)
      expect(plugin.calls).toHaveLength(expected)
    }
  })

  it('is asked for once by all who want it at the same time', async () => {
    const plugin = open({ type: 'Registry' })
    plugin.beSlow()
    const all = [a, a, b, b].map((image) => plugin.passwordFor(image))
    await Promise.resolve()
    expect(plugin.calls).toEqual([a])
    plugin.running[0]?.(plugin.answer())
    expect(await Promise.all(all)).toEqual(['p1', 'p1', 'p1', 'p1'])
    expect(plugin.calls).toEqual([a])
  })

  it('is asked for one after another as long as nobody knows for what the answers are', async () => {
    const plugin = open({ type: 'Image' })
    plugin.beSlow()
    const both = [plugin.passwordFor(a), plugin.passwordFor(b)]
    await Promise.resolve()
    expect(plugin.calls).toEqual([a])
    plugin.running[0]?.(plugin.answer())
    expect(await both[0]).toBe('p1')
    expect(plugin.calls).toEqual([a, b])
    plugin.running[1]?.(plugin.answer())
    expect(await both[1]).toBe('p2')
  })

  it('is not asked for again a moment after it could not be had, and is later', async () => {
    const plugin = open()
    plugin.beSlow()
    const failing = plugin.passwordFor(a)
    plugin.running[0]?.(new Fault('unavailable', 'failed'))
    await expect(failing).rejects.toThrow('failed')
    await expect(plugin.passwordFor(b)).rejects.toThrow('failed')
    expect(plugin.calls).toEqual([a])
    plugin.pass(10_000)
    const again = plugin.passwordFor(b)
    plugin.running[1]?.(plugin.answer())
    expect(await again).toBe('p2')
  })

  it('is asked for again when a registry refuses what is kept, once for all', async () => {
    const plugin = open({ type: 'Registry' })
    const refused = (await plugin.credentials.entriesFor(a)).map(({ credential }) => credential)
    expect(await plugin.credentials.renewed(a, refused)).toEqual([])
    plugin.pass(10_000)
    const renewed = await Promise.all([plugin.credentials.renewed(a, refused), plugin.credentials.renewed(b, refused)])
    expect(renewed.map(([entry]) => entry?.credential.password)).toEqual(['p2', 'p2'])
    expect(await plugin.credentials.renewed(b, refused)).toEqual(renewed[0])
    expect(plugin.calls).toEqual([a, a])
  })
})

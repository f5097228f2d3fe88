import { Fault } from '@stowage/mirror/oci/fault'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { expect, it } from 'vitest'
import { openDefinitionWatch } from './definition-watch.ts'
import type { KubeApi } from './kube-api.ts'

const name = 'imagecaches.kubefledged.io'
const { signal } = new AbortController()

/** What the API server says of the definition, again and again until the next one is said. */
function scripted() {
  const objects = createMemoryStore()
  let said: object | Fault = {}
  let asked = 0
  const api: KubeApi = {
    server: '',
    request: async () => {
      asked++
      if (said instanceof Fault) throw said
      return { metadata: said }
    },
    stream: () => Promise.reject(new Error('no stream')),
    [Symbol.dispose]: () => undefined,
  }
  return {
    say: (next: object | Fault) => (said = next),
    asked: () => asked,
    open: () => openDefinitionWatch({ api, objects, name }),
    openBuiltIn: () => openDefinitionWatch({ api, objects, name: undefined }),
  }
}

it('knows a definition again after a restart, and one that was made anew', async () => {
  const server = scripted()
  server.say({ uid: 'one' })
  const first = await server.open()
  expect(await first.look(false, signal)).toBe('there')
  await first.settle()
  expect(await first.look(true, signal)).toBe('same')

  const second = await server.open()
  expect(await second.look(false, signal)).toBe('same')
  server.say({ uid: 'two' })
  expect(await second.look(true, signal)).toBe('replaced')
  const third = await server.open()
  expect(await third.look(false, signal)).toBe('replaced')
  await third.settle()
  expect(await third.look(true, signal)).toBe('same')
})

it('asks at its start, in doubt, and until it knows', async () => {
  const server = scripted()
  server.say(new Fault('unavailable', 'away'))
  const watch = await server.open()
  expect(await watch.look(false, signal)).toBe('unknown')
  server.say({ uid: 'one', deletionTimestamp: 'now' })
  expect(await watch.look(false, signal)).toBe('going')
  server.say(new Fault('not-found', 'gone'))
  expect(await watch.look(false, signal)).toBe('going')
  server.say({ uid: 'one' })
  expect(await watch.look(false, signal)).toBe('there')
  await watch.settle()
  expect(server.asked()).toBe(4)
  await watch.look(false, signal)
  expect(server.asked()).toBe(4)
  await watch.look(true, signal)
  expect(server.asked()).toBe(5)
})

it('asks nobody about what is built in', async () => {
  const server = scripted()
  const watch = await server.openBuiltIn()
  expect(await watch.look(true, signal)).toBe('there')
  await watch.settle()
  expect(server.asked()).toBe(0)
})

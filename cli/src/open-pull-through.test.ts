import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { openPullThrough } from './open-pull-through.ts'

const log = pino({ level: 'silent' })
const context = {
  version: '0',
  signal: new AbortController().signal,
  env: {},
  stdout: process.stdout,
  stderr: process.stderr,
  log: async () => log,
}
const anywhere = { host: '::', port: 5080 }
const loopback = { host: '127.0.0.1', port: 5080 }

/** Starts with a private upstream, or with none, over one store. */
async function openTwice(second: { listen: typeof anywhere; isOpen: boolean; more?: string; named?: boolean }) {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-upstreams-'))
  const dockerConfig = path.join(directory.path, 'config.json')
  await writeFile(dockerConfig, JSON.stringify({ auths: { 'reg.example': { auth: 'YTpi' } } }))
  const upstreams = path.join(directory.path, 'upstreams.yaml')
  const objects = createMemoryStore()
  const surroundings = { objects, store: createContentStore(objects), log }
  const write = (more = '') =>
    writeFile(upstreams, `upstreams: [{host: reg.example, dockerConfig: ${dockerConfig}${more}}]`)

  await write()
  await using _ = await openPullThrough(context, { upstreams }, { ...surroundings, listen: loopback, isOpen: true })
  await write(second.more)
  const flags = second.named === false ? {} : { upstreams }
  await using again = await openPullThrough(context, flags, { ...surroundings, ...second })
  return again.isPrivate('reg.example/app')
}

it.each([
  ['on loopback', { listen: loopback, isOpen: true }, true],
  ['where credentials are asked for', { listen: anywhere, isOpen: false }, true],
  ['where it is meant for all', { listen: anywhere, isOpen: true, more: ', private: false' }, false],
  ['on loopback, also when it is named no more', { listen: loopback, isOpen: true, named: false }, true],
])('serves what was fetched with credentials %s', async (_, second, isPrivate) => {
  expect(await openTwice(second)).toBe(isPrivate)
})

it.each([
  ['', { listen: anywhere, isOpen: true }],
  [' also when it is named no more', { listen: anywhere, isOpen: true, named: false }],
])('does not serve to everybody what was fetched with credentials,%s', async (_, second) => {
  await expect(openTwice(second)).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringMatching(/reg\.example is fetched with credentials.*private: false/),
  })
})

it('says in which file and field a mistake is', async () => {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-upstreams-'))
  const upstreams = path.join(directory.path, 'upstreams.yaml')
  await writeFile(upstreams, 'upstreams: [{host: docker}]')
  const objects = createMemoryStore()
  const surroundings = { objects, store: createContentStore(objects), log, listen: loopback, isOpen: true }
  await expect(openPullThrough(context, { upstreams }, surroundings)).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringMatching(/upstreams\.yaml.*upstreams\[0\]\.host: not a host/),
  })
})

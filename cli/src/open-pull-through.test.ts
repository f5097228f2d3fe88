import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { plainUpstream } from '@stowage/mirror/pull-through/upstreams-document'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { expect, it } from 'vitest'
import { silentContext as context } from './testing/silent-context.ts'
import { openPullThrough } from './open-pull-through.ts'

const log = await context.log()
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

it.each([
  ['{host: docker}', /upstreams\.yaml.*upstreams\[0\]\.host: not a host/],
  [
    '{host: a.b, dockerConfig: /nope.json}',
    /upstreams\.yaml: upstream a\.b: dockerConfig: \/nope\.json cannot be read/,
  ],
  ['{host: a.b, caFile: /nope.pem}', /upstreams\.yaml: upstream a\.b: caFile \/nope\.pem: there is no such file/],
])('says in which file and field a mistake is: %s', async (entry, message) => {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-upstreams-'))
  const upstreams = path.join(directory.path, 'upstreams.yaml')
  await writeFile(upstreams, `upstreams: [${entry}]`)
  const objects = createMemoryStore()
  const surroundings = { objects, store: createContentStore(objects), log, listen: loopback, isOpen: true }
  const opening = openPullThrough(context, { upstreams }, surroundings)
  await expect(opening).rejects.toMatchObject({ message: expect.stringMatching(message) })
})

it('says which flag names a file that is not there', async () => {
  const objects = createMemoryStore()
  const surroundings = { objects, store: createContentStore(objects), log, listen: loopback, isOpen: true }
  const opening = openPullThrough(context, { upstreams: '/nope.yaml' }, surroundings)
  await expect(opening).rejects.toThrow(/^--upstreams: \/nope\.yaml cannot be read/)
})

it('says that a flag names one twice', async () => {
  const objects = createMemoryStore()
  const surroundings = { objects, store: createContentStore(objects), log, listen: loopback, isOpen: true }
  const upstream = [plainUpstream('docker.io'), plainUpstream('docker.io')]
  const opening = openPullThrough(context, { upstream }, surroundings)
  await expect(opening).rejects.toMatchObject({ code: 'invalid', message: 'the upstream docker.io is named twice' })
})

import { mkdtempDisposable, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { addFakeImage } from '@stowage/mirror/registry/fake-image'
import { openFakeUpstream } from '@stowage/mirror/registry/fake-upstream'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { silentContext as context } from './testing/silent-context.ts'
import { openUpstreams } from './upstreams-in-force.ts'

/** A private upstream, and a file with credentials for it that can be written anew. */
async function openScene(users: Record<string, string>) {
  await using stack = new AsyncDisposableStack()
  const directory = stack.use(await mkdtempDisposable(path.join(tmpdir(), 'stowage-upstreams-')))
  const registry = stack.use(await openFakeUpstream({ access: { kind: 'basic', users } }))
  addFakeImage(registry)
  const dockerConfig = path.join(directory.path, 'hub.json')
  const write = async (text: string): Promise<void> => {
    await writeFile(`${dockerConfig}.new`, text)
    await rename(`${dockerConfig}.new`, dockerConfig)
  }
  const login = (user: string, password: string): Promise<void> => {
    const auth = Buffer.from(`${user}:${password}`).toString('base64')
    return write(JSON.stringify({ auths: { 'reg.example': { auth } } }))
  }
  await login('ann', 'first')
  const file = path.join(directory.path, 'upstreams.yaml')
  const name = async (more: object = { dockerConfig }): Promise<void> => {
    const entry = { host: 'reg.example', url: `http://${registry.host}`, private: true, ...more }
    await writeFile(`${file}.new`, JSON.stringify({ upstreams: [entry] }))
    await rename(`${file}.new`, file)
  }
  await name()
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const options = { file, named: [], isExposed: false, objects: createMemoryStore(), log }
  const upstreams = stack.use(await openUpstreams(context, options))
  const over = new AbortController()
  const following = upstreams.follow(over.signal)
  stack.defer(async () => {
    over.abort()
    await following
  })
  const opened = stack.move()
  return {
    write,
    login,
    name: async (more?: object) => {
      const [before] = upstreams.now()
      await name(more)
      await expect.poll(() => upstreams.now()[0] === before, { timeout: 20_000 }).toBe(false)
    },
    dockerConfig,
    lines,
    resolve: async () => (await upstreams.now()[0]!.source.resolve('team/app', 'v1')).size > 0,
    /** Who asked last. */
    asked: () => {
      const fields = registry.requests.flatMap(({ headers }) => headers.authorization ?? [])
      return Buffer.from(fields.at(-1)!.replace('Basic ', ''), 'base64').toString()
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

describe('the credentials for an upstream', () => {
  it('are read again when their file changes, also while those of before are still taken', async () => {
    await using scene = await openScene({ ann: 'first', bob: 'second' })
    expect([await scene.resolve(), scene.asked()]).toEqual([true, 'ann:first'])
    await scene.login('bob', 'second')
    await expect
      .poll(async () => [await scene.resolve(), scene.asked()], { timeout: 20_000, interval: 100 })
      .toEqual([true, 'bob:second'])
  })

  it('stay in force while the file is damaged, which is said once', async () => {
    await using scene = await openScene({ ann: 'first' })
    await scene.write('{')
    const said = (): string[] => scene.lines.filter((line) => line.includes('hub.json is not JSON'))
    await expect.poll(() => said().length, { timeout: 20_000 }).toBe(1)
    expect([await scene.resolve(), scene.asked()]).toEqual([true, 'ann:first'])
    expect(said().join()).not.toContain('first')
  })

  it('are followed once, however often what is said of the upstream changes, and only while it names them', async () => {
    await using scene = await openScene({ ann: 'first' })
    const { dockerConfig } = scene
    const looks = () => scene.lines.filter((line) => line.includes('credentials of an upstream read')).length
    await scene.name({ dockerConfig, freshness: 'always' })
    expect([await scene.resolve(), looks()]).toEqual([true, 1])
    await scene.name({})
    await scene.name({ dockerConfig, freshness: 'always' })
    await expect.poll(looks).toBe(2)
    expect(await scene.resolve()).toBe(true)
  })
})

import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../testing/silent-log.ts'
import type { WishSource } from '../wish-source.ts'
import { openDirectorySource } from './directory-source.ts'

const cache = (name: string): string =>
  `{apiVersion: kubefledged.io/v1alpha2, kind: ImageCache, metadata: {name: ${name}}, spec: {cacheSpec: []}}\n`

describe('a directory of wishes', () => {
  let place: string
  let directory: string
  let store: ObjectStore
  let stop: AbortController

  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), 'stowage-source-'))
    directory = join(place, 'caches')
    await mkdir(directory)
    store = createMemoryStore()
    stop = new AbortController()
  })

  afterEach(async () => {
    stop.abort()
    await rm(place, { recursive: true })
  })

  async function start(rescanMs = 60_000): Promise<WishSource & { running: Promise<void> }> {
    const source = await openDirectorySource({
      directory,
      objects: store,
      log: silentLog,
      settleMs: 10,
      rescanMs,
    })
    const running = source.run({ signal: stop.signal, onChange: () => undefined })
    return { ...source, running }
  }

  const names = (source: WishSource): string | undefined =>
    source
      .state()
      .wishes?.caches.map(({ name }) => name)
      .toSorted()
      .join()
  const until = async (source: WishSource, expected: string): Promise<void> => {
    await expect.poll(() => names(source)).toBe(expected)
  }

  it('is read at the start and follows what is added, changed and removed, in folders too', async () => {
    await writeFile(join(directory, 'a.yaml'), cache('a'))
    const source = await start()
    expect(source.state()).toMatchObject({ condition: 'starting', wishes: undefined })
    await until(source, 'a')
    await mkdir(join(directory, 'more'))
    await writeFile(join(directory, 'more', 'b.yml'), cache('b'))
    await until(source, 'a,b')
    await writeFile(join(directory, 'a.yaml.tmp'), cache('c'))
    await rename(join(directory, 'a.yaml.tmp'), join(directory, 'a.yaml'))
    await until(source, 'b,c')
    await rm(join(directory, 'a.yaml'))
    await until(source, 'b')
    await writeFile(join(directory, 'more', 'b.yml'), cache('d'))
    await until(source, 'd')
    await rm(join(directory, 'more'), { recursive: true })
    await until(source, '')
  })

  it('sees changes without being told of them', async () => {
    const source = await start(20)
    await until(source, '')
    await writeFile(join(directory, 'a.json'), cache('a'))
    await until(source, 'a')
  })

  it('skips hidden files and those of editors', async () => {
    for (const name of ['.a.yaml', '#a.yaml#', 'a.yaml~', '.a.yaml.swp', 'a.yaml.bak', 'a.txt']) {
      await writeFile(join(directory, name), cache('a'))
    }
    await writeFile(join(directory, 'b.yaml'), cache('b'))
    await until(await start(), 'b')
  })

  it('changes nothing when it is gone, and says so', async () => {
    await writeFile(join(directory, 'a.yaml'), cache('a'))
    const source = await start()
    await until(source, 'a')
    await rename(directory, join(place, 'gone'))
    await expect.poll(() => source.state().condition).toBe('unreadable')
    expect(source.state().message).toContain('it does not exist; the wishes read before stay in force')
    expect(names(source)).toBe('a')
    await rename(join(place, 'gone'), directory)
  })

  it('publishes nothing before it was ever read', async () => {
    await rm(directory, { recursive: true })
    const source = await start(20)
    await expect.poll(() => source.state().condition).toBe('unreadable')
    expect(source.state().wishes).toBeUndefined()
    await mkdir(directory)
    await until(source, '')
  })

  it('remembers last good versions over a restart', async () => {
    await writeFile(join(directory, 'a.yaml'), cache('a'))
    await writeFile(join(directory, 'b.yaml'), cache('b'))
    const first = await start()
    await until(first, 'a,b')
    await expect.poll(() => store.head('controller/source/b.yaml.json')).toBeDefined()
    stop.abort()
    await first.running
    stop = new AbortController()
    await writeFile(join(directory, 'a.yaml'), 'broken: [')
    await rm(join(directory, 'b.yaml'))
    const second = await start()
    await until(second, 'a')
    expect(second.state().problems).toMatchObject([{ file: 'a.yaml', line: 1, caches: ['default/a'] }])
  })

  it('holds the wishes of a directory that is empty after a restart', async () => {
    await writeFile(join(directory, 'a.yaml'), cache('a') + '---\n' + cache('b'))
    const first = await start()
    await until(first, 'a,b')
    stop.abort()
    await first.running
    stop = new AbortController()
    await rm(join(directory, 'a.yaml'))
    const second = await start()
    await expect.poll(() => second.state().condition).toBe('held')
    expect(names(second)).toBe('a,b')
    await writeFile(join(directory, '.stowage-empty'), '')
    await until(second, '')
  })
})

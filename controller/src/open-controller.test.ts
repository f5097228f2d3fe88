import { Fault } from '@stowage/mirror/oci/fault'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  createFakeNode,
  createFakeSource,
  startCentre,
  type Centre,
  type CentreOptions,
  type FakeSource,
} from './testing/centre.ts'
import { openCentreMemory } from './memory/centre-memory.ts'
import { createFakeUpstream, type FakeUpstream } from './testing/fake-upstream.ts'
import { aCache } from './testing/world.ts'

const nginx = 'docker.io/library/nginx:1'
const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 5 })

describe('a centre', () => {
  let source: FakeSource
  let upstream: FakeUpstream
  let centre: Centre
  let now: number
  const objects = createMemoryStore()

  async function start(options: Partial<CentreOptions> = {}): Promise<void> {
    centre = await startCentre({ source, upstream, now: () => now, ...options })
  }
  const phase = async (): Promise<string | undefined> => (await centre.caches())[0]?.status

  beforeEach(async () => {
    source = createFakeSource()
    upstream = createFakeUpstream()
    now = 1_000_000
    await start()
  })
  afterEach(async () => await centre[Symbol.asyncDispose]())

  it('goes from a wish to a set, an assignment, a report and a true status', async () => {
    const root = upstream.push('docker.io/library/nginx', '1', 'v1')
    source.wish([aCache('a', ['nginx:1'])])
    const node = createFakeNode('n', centre)
    expect(await node.say()).toMatchObject({ status: 200 })
    await until(async () =>
      expect(await node.sets()).toMatchObject([
        { images: [{ name: nginx, root: { digest: root.digest } }], unresolved: [] },
      ]),
    )
    expect(await phase()).toBe('Processing')
    const repository = centre.content.repository('docker.io/library/nginx')
    expect((await repository.tag('1'))?.digest).toBe(root.digest)
    await node.obey()
    await until(async () => expect(await phase()).toBe('Succeeded'))
    expect(await centre.images()).toMatchObject([{ node: 'n', state: 'present', percent: 100, online: true }])
  })

  it('publishes nothing before it knows what is wanted', async () => {
    const node = createFakeNode('n', centre)
    expect((await node.say()).body).toEqual({ assignment: null })
    expect(await node.ask()).toBeUndefined()
    source.wish([])
    await until(async () => expect(await node.ask()).toMatchObject({ sequence: 1, entries: [] }))
  })

  it('looks a reference up but copies nothing until a node says what it runs on', async () => {
    upstream.push('docker.io/library/nginx', '1', 'v1', ['linux/amd64', 'linux/arm64'])
    source.wish([aCache('a', ['nginx:1'])])
    await until(async () => expect(upstream.asked).toContain('resolve docker.io/library/nginx:1'))
    await until(async () => expect((await centre.images())[0]?.digest).toMatch(/^sha256:/))
    expect(upstream.asked.filter((what) => what.startsWith('blob'))).toEqual([])
    const node = createFakeNode('n', centre)
    await node.say()
    await until(async () => expect((await node.sets())[0]?.images).toHaveLength(1))
    expect(upstream.asked.filter((what) => what.startsWith('blob'))).toHaveLength(2)
  })

  it('says at once why an image is not there, and goes on when it is', async () => {
    source.wish([aCache('a', ['nginx:1'])])
    const node = createFakeNode('n', centre)
    await node.say()
    await until(async () => expect(await phase()).toBe('Failed'))
    expect((await centre.caches())[0]?.failures).toEqual({
      'nginx:1': [
        { node: 'n.host', reason: 'ImageNotFound', message: 'docker.io/library/nginx:1 does not exist upstream' },
      ],
    })
    expect((await centre.images())[0]?.message).toMatch(
      /^waiting for the mirror: .*does not exist upstream \(next try in 10 s\)$/,
    )
    upstream.push('docker.io/library/nginx', '1', 'v1')
    now += 11_000
    await node.say({ bytesReceived: 1, labels: { now: 'x' } })
    await until(async () => expect((await node.sets())[0]?.images).toHaveLength(1))
  })

  it('tries again at once when a pull secret comes', async () => {
    upstream.push('docker.io/library/nginx', '1', 'v1')
    upstream.requireUser('me')
    const caches = [aCache('a', ['nginx:1'], { imagePullSecrets: [{ name: 'key' }] })]
    source.wish(caches)
    const node = createFakeNode('n', centre)
    await node.say()
    await until(async () => expect((await centre.images())[0]?.message).toContain('there is no such Secret'))
    const credential = { username: 'me', password: 'p', origin: 'test' }
    source.wish(caches, {
      secrets: [{ namespace: 'default', name: 'key', credentials: [{ key: 'docker.io', credential }] }],
    })
    await until(async () => expect((await node.sets())[0]?.images).toHaveLength(1))
  })

  it('keeps nodes on the version before until the next one is completely there', async () => {
    const v1 = upstream.push('docker.io/library/nginx', '1', 'v1')
    source.wish([aCache('a', ['nginx:1'])])
    const node = createFakeNode('n', centre)
    await node.say()
    await until(async () => expect((await node.sets())[0]?.images).toHaveLength(1))
    await node.obey()
    await until(async () => expect(await phase()).toBe('Succeeded'))
    const v2 = upstream.push('docker.io/library/nginx', '1', 'version two')
    const gate = Promise.withResolvers<undefined>()
    upstream.holdBlobs(gate.promise)
    now += 1
    source.wish([aCache('a', ['nginx:1'], { metadata: { annotations: { 'kubefledged.io/refresh-imagecache': '' } } })])
    await until(async () => expect((await centre.images())[0]).toMatchObject({ digest: v2.digest, state: 'mirror' }))
    expect(await phase()).toBe('Processing')
    expect((await node.sets())[0]?.images[0]?.root.digest).toBe(v1.digest)
    gate.resolve(undefined)
    await until(async () => expect((await node.sets())[0]?.images[0]?.root.digest).toBe(v2.digest))
    expect((await centre.caches())[0]?.reason).toBe('ImageCacheRefresh')
  })

  it('stops a copy that nobody wants any more', async () => {
    upstream.push('docker.io/library/nginx', '1', 'v1')
    upstream.holdBlobs(new Promise(() => undefined))
    source.wish([aCache('a', ['nginx:1'])])
    const node = createFakeNode('n', centre)
    await node.say()
    await until(async () => expect((await centre.images())[0]?.message).toContain('it copies'))
    upstream.holdBlobs(undefined)
    const before = await node.ask()
    source.wish([aCache('a', [''])])
    await until(async () => expect((await node.ask())?.sequence).toBeGreaterThan(before?.sequence ?? 0))
    source.wish([aCache('a', ['nginx:1'])])
    await until(async () => expect((await node.sets())[0]?.images).toHaveLength(1))
  })

  it('wakes a node that waits, and says how many it did not have to tell', async () => {
    source.wish([])
    const node = createFakeNode('n', centre)
    await node.say()
    await until(async () => expect(await node.ask()).toBeDefined())
    const first = await node.ask()
    const knows = `${first?.epoch}/${first?.sequence}`
    expect(await node.ask({ knows })).toBeUndefined()
    const waiting = node.ask({ knows, waitSeconds: 30 })
    source.wish([aCache('a', ['nginx:1'])])
    expect(await waiting).toMatchObject({ sequence: 2, entries: [{ cache: { name: 'a' } }] })
    expect((await node.say()).body.assignment).toBe(`${first?.epoch}/2`)
  })

  it('counts a node as offline once it is overdue', async () => {
    upstream.push('docker.io/library/nginx', '1', 'v1')
    source.wish([aCache('a', ['nginx:1'])])
    const node = createFakeNode('n', centre)
    await node.say()
    await until(async () => expect((await node.sets())[0]?.images).toHaveLength(1))
    expect(await centre.nodes()).toMatchObject([{ online: true }])
    now += 60_001
    expect(await centre.nodes()).toMatchObject([
      { online: false, message: expect.stringContaining('offline since') as string },
    ])
    expect(await phase()).toBe('AwaitingOfflineNodes')
  })

  it('says after a restart of each node what it said before, and gives those that could not report time for it', async () => {
    const store = createMemoryStore()
    await centre[Symbol.asyncDispose]()
    await start({ objects: store })
    source.wish([aCache('a', [''])])
    const [away, here] = [createFakeNode('away', centre), createFakeNode('here', centre)]
    await away.say()
    now += 30_000
    await here.say()
    now += 31_000
    await here.say({ labels: { news: 'so that the centre looks' } })
    const remembered = async () => (await openCentreMemory(store)).nodes.all.get('away')
    await until(async () => expect(await remembered()).toMatchObject({ isOverdue: true }))
    const before = [await centre.caches(), await centre.images()]
    await centre[Symbol.asyncDispose]()

    now += 600_000
    source = createFakeSource()
    source.become({ remembered: { caches: [aCache('a', [''])], nodes: [] } })
    await start({ objects: store })
    expect([await centre.caches(), await centre.images()]).toEqual(before)
    source.wish([aCache('a', [''])])
    await until(async () => expect([await centre.caches(), await centre.images()]).toEqual(before))
    const online = async () => (await centre.nodes()).map((node) => [node.name, node.online])
    const said = [
      ['away', false],
      ['here', true],
    ]
    expect(await online()).toEqual(said)
    now += 90_000
    expect(await online()).toEqual(said)
    now += 1
    expect(await online()).toEqual([
      ['away', false],
      ['here', false],
    ])
    await createFakeNode('away', centre).say({ counter: 2 })
    expect(await online()).toEqual([
      ['away', true],
      ['here', false],
    ])
  })

  it('concludes nothing from the time when it stood still itself', async () => {
    await centre[Symbol.asyncDispose]()
    await start({ lapseMs: 30_000 })
    await createFakeNode('n', centre).say()
    const online = async () => (await centre.nodes()).map((node) => node.online)
    now += 600_000
    expect(await online()).toEqual([true])
    for (const ms of [30_000, 30_000, 30_000]) {
      now += ms
      expect(await online()).toEqual([true])
    }
    now += 1
    expect(await online()).toEqual([false])
  })

  it('comes back from being killed knowing everything', async () => {
    await centre[Symbol.asyncDispose]()
    upstream.push('docker.io/library/nginx', '1', 'v1')
    await start({ objects })
    source.wish([aCache('a', ['nginx:1'])])
    const node = createFakeNode('n', centre)
    await node.say()
    await until(async () => expect((await node.sets())[0]?.images).toHaveLength(1))
    await node.obey()
    await until(async () => expect(await phase()).toBe('Succeeded'))
    const [before, assignment, asked] = [await centre.caches(), await node.ask(), upstream.asked.length]
    await centre[Symbol.asyncDispose]()

    source = createFakeSource()
    upstream.fail(new Fault('unavailable', 'upstream is away'))
    await start({ objects })
    const again = createFakeNode('n', centre)
    expect(await again.ask()).toEqual(assignment)
    expect(await centre.nodes()).toMatchObject([{ name: 'n', online: true }])
    source.wish([aCache('a', ['nginx:1'])])
    await until(async () => expect(await centre.caches()).toEqual(before))
    expect(await again.ask()).toEqual(assignment)
    expect(upstream.asked).toHaveLength(asked)
  })

  it('goes on when a full disk has room again, without having told what it could not remember', async () => {
    await centre[Symbol.asyncDispose]()
    const disk = createMemoryStore()
    const roomy = { ...disk }
    await start({ objects: disk })
    disk.putIfAbsent = () => Promise.reject(new Fault('no-space', 'disk full'))
    source.wish([])
    const node = createFakeNode('n', centre)
    expect((await node.say()).status).toBe(200)
    expect(await centre.nodes()).toMatchObject([{ name: 'n', assignment: null }])
    const said = { condition: 'held', message: 'the centre cannot act on what is written: disk full' }
    await until(async () => expect(await centre.get('/api/v1/source')).toMatchObject(said))
    disk.putIfAbsent = (key, bytes) => roomy.putIfAbsent(key, bytes)
    await node.say({ labels: { now: 'there is room' } })
    await until(async () => expect(await node.ask()).toMatchObject({ sequence: 1 }))
    await until(async () =>
      expect(await centre.get('/api/v1/source')).toMatchObject({ condition: 'ready', message: '' }),
    )
  })

  it('gives a cache another uid only if it saw it go', async () => {
    const uid = async (): Promise<string | undefined> => (await centre.caches())[0]?.uid
    source.wish([aCache('a', [''])])
    await until(async () => expect(await uid()).toBeDefined())
    const first = await uid()
    source.become({ condition: 'unreadable' })
    source.wish([aCache('a', ['', ''])])
    expect(await uid()).toBe(first)
    source.wish([])
    await until(async () => expect(await centre.objects.head('controller/caches/default=2fa.json')).toBeUndefined())
    source.wish([aCache('a', [''])])
    await until(async () => expect(await uid()).toBeDefined())
    expect(await uid()).not.toBe(first)
  })
})

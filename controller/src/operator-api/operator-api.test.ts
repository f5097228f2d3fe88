import { parseSet, setRepository } from '@stowage/mirror/edge/set'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFakeNode, createFakeSource, startCentre, type Centre, type FakeSource } from '../testing/centre.ts'
import { createFakeUpstream, type FakeUpstream } from '../testing/fake-upstream.ts'
import { aCache } from '../testing/world.ts'
import {
  cacheViewSchema,
  exportViewSchema,
  imageViewSchema,
  itemsSchema,
  nodeViewSchema,
  sourceViewSchema,
  type ExportView,
} from './views.ts'

const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 5 })
const nginx = 'docker.io/library/nginx:1'

describe('/api/v1', () => {
  let source: FakeSource
  let upstream: FakeUpstream
  let centre: Centre
  let now: number

  beforeEach(async () => {
    source = createFakeSource()
    upstream = createFakeUpstream()
    now = 1_000_000
    centre = await startCentre({ source, upstream, now: () => now })
  })
  afterEach(async () => await centre[Symbol.asyncDispose]())

  it('speaks as its schemas say', async () => {
    upstream.push('docker.io/library/nginx', '1', 'v1')
    source.wish([aCache('a', ['nginx:1', 'no/such:1'])], { nodes: [{ name: 'declared', labels: {} }] })
    const node = createFakeNode('n', centre)
    await node.say()
    await until(async () => expect((await node.sets()).flatMap(({ images }) => images)).toHaveLength(1))
    await node.obey()
    const of = async (path: string) => await centre.get(`/api/v1/${path}`)
    expect(
      itemsSchema(cacheViewSchema)
        .strict()
        .parse(await of('caches')).items,
    ).toHaveLength(1)
    expect(itemsSchema(nodeViewSchema.strict()).parse(await of('nodes')).items).toHaveLength(2)
    expect(itemsSchema(imageViewSchema.strict()).parse(await of('images')).items).toHaveLength(4)
  })

  it('says what is wrong with the source', async () => {
    const problems = [
      {
        severity: 'error' as const,
        file: 'a.yaml',
        line: 3,
        column: 5,
        field: 'spec',
        message: 'no',
        caches: ['default/a'],
      },
    ]
    source.become({ condition: 'held', message: 'all gone', problems })
    expect(sourceViewSchema.parse(await centre.get('/api/v1/source'))).toEqual({
      name: 'fake source',
      condition: 'held',
      message: 'all gone',
      problems,
    })
  })

  it('forgets a node that is gone for good', async () => {
    source.wish([])
    const node = createFakeNode('n', centre)
    await node.say()
    await until(async () => expect(await node.ask()).toMatchObject({ sequence: 1 }))
    const remove = () => centre.app.inject({ method: 'DELETE', url: '/api/v1/nodes/n' })
    expect((await remove()).statusCode).toBe(204)
    expect(await centre.nodes()).toEqual([])
    expect((await remove()).statusCode).toBe(404)
    await node.say()
    await until(async () => expect(await node.ask()).toMatchObject({ sequence: 1 }))
  })

  describe('export', () => {
    const look = async (query: string): Promise<ExportView> =>
      exportViewSchema.parse(await centre.get(`/api/v1/export?${query}`))
    const ask = async (payload: object): Promise<ExportView> => {
      const answer = await centre.app.inject({ method: 'POST', url: '/api/v1/export', payload })
      return exportViewSchema.parse(answer.json())
    }
    const cacheQuery = 'cache=default/a&platform=linux/arm64'

    it('of a cache brings what no node here needs', async () => {
      const root = upstream.push('docker.io/library/nginx', '1', 'v1', ['linux/amd64', 'linux/arm64'])
      source.wish([aCache('a', [{ images: ['nginx:1'], pin: false }])])
      await until(async () => expect(await centre.caches()).toHaveLength(1))
      expect(await look(cacheQuery)).toMatchObject({ images: [], missing: [{ name: nginx, state: 'pending' }] })
      await ask({ caches: ['a'], platforms: ['linux/arm64'] })
      await until(async () => expect((await look(cacheQuery)).missing).toEqual([]))
      const view = await look(cacheQuery)
      expect(view).toMatchObject({
        platforms: ['linux/arm64'],
        entries: [{ cache: { namespace: 'default', name: 'a' }, list: 0, removal: 'keep', pin: false }],
        images: [
          {
            name: nginx,
            root: { digest: root.digest },
            repository: 'docker.io/library/nginx',
            platforms: ['linux/arm64'],
          },
        ],
      })
      expect(view.sets).toEqual(view.entries.map(({ set }) => set))
      const set = await centre.content.repository(setRepository).manifest(view.sets[0] ?? '')
      expect(parseSet(set?.raw ?? new Uint8Array()).images).toMatchObject([
        { name: nginx, root: { digest: root.digest } },
      ])
    })

    it('of an image by reference needs no cache', async () => {
      upstream.push('docker.io/library/nginx', '1', 'v1')
      source.wish([])
      expect(await ask({ images: ['nginx:1'], platforms: ['linux/amd64'] })).toMatchObject({
        missing: [{ state: 'pending' }],
      })
      const query = 'image=nginx:1&platform=linux/amd64&platform=linux/arm64'
      await until(async () =>
        expect(await look(query)).toMatchObject({ images: [{ name: nginx }], missing: [], entries: [] }),
      )
    })

    it('is for the platforms of the nodes if none is named', async () => {
      upstream.push('docker.io/library/nginx', '1', 'v1', ['linux/amd64', 'linux/arm64'])
      source.wish([aCache('a', ['nginx:1'])])
      const node = createFakeNode('n', centre)
      await node.say()
      await until(async () =>
        expect(await look('cache=default/a')).toMatchObject({ platforms: ['linux/amd64'], missing: [] }),
      )
    })

    it('says what it cannot have, and why', async () => {
      upstream.push('docker.io/library/nginx', '1', 'v1', ['linux/amd64'])
      source.wish([])
      await ask({ images: ['nginx:1', 'no/such:1'], platforms: ['linux/amd64', 'linux/arm64'] })
      const query = 'image=nginx:1&image=no/such:1&platform=linux/amd64&platform=linux/arm64'
      await until(async () =>
        expect((await look(query)).missing).toEqual([
          { name: nginx, state: 'failed', message: `${nginx} has no variant for linux/arm64` },
          {
            name: 'docker.io/no/such:1',
            state: 'failed',
            message: expect.stringContaining('does not exist upstream') as string,
          },
        ]),
      )
      expect((await look(query)).images).toMatchObject([{ name: nginx, platforms: ['linux/amd64'] }])
    })

    it('tries again what failed before somebody asked', async () => {
      source.wish([aCache('a', ['nginx:1'])])
      await until(async () => expect((await centre.images())[0]?.message).toContain('does not exist upstream'))
      upstream.push('docker.io/library/nginx', '1', 'v1')
      now += 1
      const request = { caches: ['a'], platforms: ['linux/amd64'] }
      expect((await ask(request)).missing).toMatchObject([{ state: 'pending' }])
      await until(async () => expect((await ask(request)).missing).toEqual([]))
    })

    it('tells a failure to who keeps asking', async () => {
      source.wish([])
      now += 1
      await until(async () => {
        now += 1
        const { missing } = await ask({ images: ['no/such:1'], platforms: ['linux/amd64'] })
        expect(missing).toMatchObject([{ state: 'failed' }])
      })
      expect(upstream.asked).toHaveLength(1)
    })

    it.each([
      ['cache=nope', 404, 'there is no ImageCache default/nope'],
      ['image=N*PE&platform=linux/amd64', 400, 'is not an image reference'],
      ['image=nginx', 400, 'for which platform?'],
      ['image=nginx&platform=linux', 400, 'is not a platform'],
      ['', 400, 'name at least one cache or image'],
      ['images=nginx', 400, 'unknown parameter "images"'],
    ])('of "%s" is refused', async (query, status, message) => {
      source.wish([])
      const answer = await centre.app.inject(`/api/v1/export?${query}`)
      expect(answer.statusCode).toBe(status)
      expect(answer.json()).toMatchObject({ error: { message: expect.stringContaining(message) as string } })
    })

    it('refuses a body that it does not understand', async () => {
      const answer = await centre.app.inject({ method: 'POST', url: '/api/v1/export', payload: { image: ['nginx'] } })
      expect(answer.statusCode).toBe(400)
    })
  })
})

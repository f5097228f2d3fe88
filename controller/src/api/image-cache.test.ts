import { describe, expect, it } from 'vitest'
import { fieldProblems } from './field-problem.ts'
import { imageCacheSchema, toImageCache } from './image-cache.ts'

const upstreamExample = {
  apiVersion: 'kubefledged.io/v1alpha2',
  kind: 'ImageCache',
  metadata: {
    name: 'imagecache1',
    namespace: 'kube-fledged',
    labels: { app: 'kubefledged', kubefledged: 'imagecache' },
  },
  spec: {
    cacheSpec: [
      { images: ['ghcr.io/jitesoft/nginx:1.23.1'] },
      {
        images: ['us.gcr.io/k8s-artifacts-prod/cassandra:v7', 'us.gcr.io/k8s-artifacts-prod/etcd:3.5.4-0'],
        nodeSelector: { tier: 'backend' },
      },
    ],
    imagePullSecrets: [{ name: 'myregistrykey' }],
  },
}

function cacheWith(spec: object, rest: object = {}): unknown {
  return { ...upstreamExample, ...rest, spec: { cacheSpec: [], ...spec } }
}

function problemsOf(object: unknown): string[] {
  const result = imageCacheSchema.safeParse(object)
  return result.success ? [] : fieldProblems(result.error).map(({ field, message }) => `${field}: ${message}`)
}

describe('an ImageCache', () => {
  it('is read as kube-fledged users write it', () => {
    const cache = toImageCache(imageCacheSchema.parse(upstreamExample))
    expect(cache).toMatchObject({
      namespace: 'kube-fledged',
      name: 'imagecache1',
      pullSecrets: ['myregistrykey'],
      removal: 'keep',
      lists: [
        { nodeSelector: {}, images: [{ name: 'ghcr.io/jitesoft/nginx:1.23.1' }] },
        { nodeSelector: { tier: 'backend' }, images: [{ written: upstreamExample.spec.cacheSpec[1]?.images[0] }, {}] },
      ],
    })
  })

  it('lies in namespace default when it names none', () => {
    expect(toImageCache(imageCacheSchema.parse(cacheWith({}, { metadata: { name: 'a' } }))).namespace).toBe('default')
  })

  it('takes an empty text for no image, and one image under two spellings for one', () => {
    const object = cacheWith({
      cacheSpec: [{ images: ['', 'nginx', 'docker.io/library/nginx:latest'] }, { images: [] }],
    })
    const { lists } = toImageCache(imageCacheSchema.parse(object))
    expect(lists.map((list) => list.images.map((image) => image.written))).toEqual([['nginx'], []])
  })

  it('may carry a status, nulls and all metadata that a cluster writes', () => {
    const metadata = {
      name: 'a',
      uid: 'u',
      generation: 83,
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [],
    }
    const spec = { cacheSpec: [{ images: [], nodeSelector: null }], imagePullSecrets: null }
    expect(problemsOf(cacheWith(spec, { metadata, status: { status: 'Succeeded' } }))).toEqual([])
  })

  it('asks for removal with its deletionPolicy', () => {
    expect(toImageCache(imageCacheSchema.parse(cacheWith({ deletionPolicy: 'Purge' }))).removal).toBe('remove')
  })

  it('says more in fields of ours, and nothing where they are null', () => {
    const nulls = { refreshFrequency: null, imagePullPolicy: null, imagePullDeadlineDuration: null }
    const list = { images: [], selector: null, nodeNames: null }
    const cache = toImageCache(imageCacheSchema.parse(cacheWith({ ...nulls, cacheSpec: [list] })))
    expect(cache).toMatchObject({ lookUp: 'again', refreshMs: undefined, hasDeadline: false })
    expect(cache.lists).toMatchObject([{ requirements: [], nodeNames: [] }])
    const more = { refreshFrequency: '1h30m', imagePullPolicy: 'IfNotPresent', imagePullDeadlineDuration: '5m' }
    expect(toImageCache(imageCacheSchema.parse(cacheWith(more)))).toMatchObject({
      lookUp: 'once',
      refreshMs: 90 * 60_000,
      hasDeadline: true,
    })
    const standing = { suspend: true, parallelism: '10%' }
    expect(toImageCache(imageCacheSchema.parse(cacheWith(standing)))).toMatchObject({
      isSuspended: true,
      parallelism: { unit: 'percent', value: 10 },
    })
  })

  it('says when and how fast nodes may fetch, and nothing where that is empty', () => {
    const transferOf = (transfer: unknown) => toImageCache(imageCacheSchema.parse(cacheWith({ transfer }))).transfer
    for (const nothing of [null, {}, { rate: null, windows: null }, { windows: [] }]) {
      expect(transferOf(nothing)).toBeUndefined()
    }
    const night = { start: '22:00', end: '06:00' }
    expect(transferOf({ rate: '1.5M', windows: [{ ...night, days: [], timeZone: null }] })).toEqual({
      bytesPerSecond: 1_500_000,
      windows: [night],
    })
    expect(transferOf({ rate: 2048 })).toEqual({ bytesPerSecond: 2048 })
    for (const timeZone of ['Local', 'UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires']) {
      const windows = [{ ...night, days: ['Mon', 'Sun'], timeZone }]
      expect(transferOf({ windows })).toEqual({ windows })
    }
  })

  it.each([
    ['bits for a rate', cacheWith({ transfer: { rate: '10Mbit' } }), 'spec.transfer.rate: "10Mbit" is not a rate'],
    ['a rate of nothing', cacheWith({ transfer: { rate: '0' } }), 'spec.transfer.rate: "0" is too slow: at least 1000'],
    [
      'a number that is too slow',
      cacheWith({ transfer: { rate: 5 } }),
      'spec.transfer.rate: is neither a number of bytes per second, 1000 or more, nor a text such as 500Ki',
    ],
    [
      'a time that is none',
      cacheWith({ transfer: { windows: [{ start: '22:00', end: '24:00' }] } }),
      'spec.transfer.windows[0].end: "24:00" is not a time of day; write 00:00 to 23:59',
    ],
    [
      'half a window',
      cacheWith({ transfer: { windows: [{ start: '22:00' }] } }),
      'spec.transfer.windows[0].end: Invalid input: expected string, received undefined',
    ],
    [
      'a zone that is none',
      cacheWith({ transfer: { windows: [{ start: '22:00', end: '06:00', timeZone: 'Berlin' }] } }),
      'spec.transfer.windows[0].timeZone: "Berlin" is not a time zone; write Europe/Berlin, UTC, or Local',
    ],
    [
      'a day that is none',
      cacheWith({ transfer: { windows: [{ days: ['Monday'], start: '22:00', end: '06:00' }] } }),
      'spec.transfer.windows[0].days[0]: Invalid option: expected one of "Mon"|"Tue"',
    ],
    ['an unknown field of a window', cacheWith({ transfer: { speed: 1 } }), 'spec.transfer.speed: unknown field'],
    ['a duration that is none', cacheWith({ refreshFrequency: '1d' }), 'spec.refreshFrequency: "1d" is not a duration'],
    [
      'a share of nodes that is none',
      cacheWith({ parallelism: '120%' }),
      'spec.parallelism: is neither a number of nodes nor a share of them such as 10%',
    ],
    ['a refresh each second', cacheWith({ refreshFrequency: '1s' }), 'spec.refreshFrequency: "1s" is too often'],
    [
      'an expression without values',
      cacheWith({ cacheSpec: [{ images: [], selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }] }),
      'spec.cacheSpec[0].selector.matchExpressions[0].values: In needs values',
    ],
    [
      'an unknown field of a selector',
      cacheWith({ cacheSpec: [{ images: [], selector: { matchFields: [] } }] }),
      'spec.cacheSpec[0].selector.matchFields: unknown field',
    ],
    [
      'an unknown field',
      cacheWith({ cacheSpec: [{ images: [], imagez: [] }] }),
      'spec.cacheSpec[0].imagez: unknown field',
    ],
    [
      'an unknown field of metadata',
      cacheWith({}, { metadata: { name: 'a', nmae: 1 } }),
      'metadata.nmae: unknown field',
    ],
    [
      'a bad reference',
      cacheWith({ cacheSpec: [{ images: [] }, { images: ['ok', 'Not/OK'] }] }),
      'spec.cacheSpec[1].images[1]: "Not/OK" is not an image reference:',
    ],
    ['no list at all', cacheWith({ cacheSpec: null }), 'spec.cacheSpec: Invalid input: expected array, received null'],
    [
      'a selector that is not text',
      cacheWith({ cacheSpec: [{ images: [], nodeSelector: { 'a.b/tier': 1 } }] }),
      'spec.cacheSpec[0].nodeSelector["a.b/tier"]: Invalid input: expected string, received number',
    ],
    [
      'a bad platform',
      cacheWith({ cacheSpec: [{ images: [], platforms: ['linux'] }] }),
      'spec.cacheSpec[0].platforms[0]: "linux" is not a platform',
    ],
    ['a name that is none', cacheWith({}, { metadata: { name: 'A_B' } }), 'metadata.name: is not an object name'],
  ])('is refused with %s', (_, object, problem) => {
    const problems = problemsOf(object)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })
})

import { describe, expect, it } from 'vitest'
import { cacheViewSchema, imageViewSchema, nodeViewSchema } from '@stowage/controller/operator-api/views'
import { liesOf, type Sample } from './truth.ts'

const root = `sha256:${'a'.repeat(64)}`
const askedAt = Date.parse('2030-01-01T00:00:10Z')

const image = imageViewSchema.parse({
  image: 'app:1',
  name: 'docker.io/library/app:1',
  caches: ['default/site'],
  node: 'node-1',
  digest: root,
  state: 'fetching',
  online: true,
  bytesHere: 100,
  bytesTotal: 1000,
  percent: 10,
  bytesPerSecond: 5,
  etaSeconds: 180,
  message: '',
})

const node = nodeViewSchema.parse({
  name: 'node-1',
  online: true,
  lastContact: '2030-01-01T00:00:08Z',
  nextContactBy: '2030-01-01T00:00:11Z',
  labels: {},
  platform: 'linux/amd64',
  runtime: 'layout:/images',
  agentVersion: '1',
  instance: 'x',
  assignment: 'e/1',
  acknowledged: 'e/1',
  images: { wanted: 1, present: 0, failed: 0, failedHere: 0 },
  bytes: { wanted: 1000, present: 100 },
  bytesPerSecond: 5,
  bytesReceived: 100,
  etaSeconds: 180,
  message: '',
})

const cache = cacheViewSchema.parse({
  namespace: 'default',
  name: 'site',
  uid: 'u',
  status: 'Processing',
  reason: 'ImageCacheCreate',
  message: '',
  startTime: '2030-01-01T00:00:00Z',
  observedGeneration: 1,
  counts: {
    images: 1,
    nodes: { matched: 1, reachable: 1, withoutAgent: 0, complete: 0, failed: 0 },
    copies: { wanted: 1, present: 0, fetching: 1, waiting: 0, failed: 0 },
  },
  bytes: { wanted: 1000, present: 100, unknown: 0 },
  conditions: [],
})

interface Said {
  image?: Partial<typeof image>
  node?: Partial<typeof node>
  cache?: Partial<typeof cache>
  onDisk?: Partial<Sample['onDisk'][number]>
}

function sample(said: Said): Sample {
  return {
    node: 'node-1',
    askedAt,
    images: [{ ...image, ...said.image }],
    nodes: [{ ...node, ...said.node }],
    caches: [{ ...cache, ...said.cache }],
    onDisk: [{ name: image.name, root, bytes: 150, isWhole: false, ...said.onDisk }],
  }
}

const whole = { bytes: 1000, isWhole: true }

describe('what a centre says of a node', () => {
  it.each<[string, Said]>([
    ['less than there is', {}],
    ['all that there is', { onDisk: whole, image: { state: 'present', percent: 100 }, cache: { status: 'Succeeded' } }],
    ['that it was late half a second ago', { node: { nextContactBy: '2030-01-01T00:00:09.5Z' } }],
    ['its last word, long after', { node: { online: false, nextContactBy: '2029-01-01T00:00:00Z' } }],
  ])('may be %s', (_, said) => {
    expect(liesOf(sample(said))).toEqual([])
  })

  it.each<[string, Said]>([
    ['more bytes of an image than there are', { image: { bytesHere: 151 } }],
    ['more bytes of the node than there are', { node: { bytes: { wanted: 1000, present: 151 } } }],
    ['more bytes of a cache than there are', { cache: { bytes: { ...cache.bytes, present: 151 } } }],
    ['that half an image is present', { image: { state: 'present' } }],
    ['100 % of half an image', { image: { percent: 100 } }],
    ['another version', { onDisk: whole, image: { state: 'present', digest: null } }],
    ['an image more than there is', { node: { images: { wanted: 1, present: 1, failed: 0, failedHere: 0 } } }],
    ['success over half an image', { cache: { status: 'Succeeded' } }],
    ['that it is there, though it missed its contact', { node: { nextContactBy: '2030-01-01T00:00:08.9Z' } }],
    ['that it is there, though it never was', { node: { nextContactBy: null } }],
  ])('must not be %s', (_, said) => {
    expect(liesOf(sample(said))).toHaveLength(1)
  })
})

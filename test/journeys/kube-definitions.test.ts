import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openJourney, type Journey } from '../harness/journey.ts'
import { startKubeApi, type KubeApi } from '../harness/kube/start-kube-api.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { requirePart } from '../harness/require-part.ts'

/** What kube-fledged wrote into an object that has been there for years. */
const oldStatus = {
  completionTime: '2026-01-01T00:01:14Z',
  failures: { 'nginx:1': [{ message: '', node: 'vms105.liruilongs.github.io', reason: 'ImagePullBackOff' }] },
  message: 'Image cache processing aborted. Image cache will get refreshed during next refresh cycle',
  reason: 'ImagePullAborted',
  startTime: '2026-01-01T00:00:00Z',
  status: 'Aborted',
}

function imageCache(name: string, cacheSpec: unknown, more: object = {}): object {
  const metadata = { name, labels: { app: 'kubefledged', kubefledged: 'imagecache' } }
  return { apiVersion: 'kubefledged.io/v1alpha2', kind: 'ImageCache', metadata, spec: { cacheSpec }, ...more }
}

function manyImages(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `a/${index}`)
}

function asking(operator: string, values?: readonly string[] | null): object {
  return { matchExpressions: [{ key: 'tier', operator, ...(values !== undefined && { values }) }] }
}

const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
/** kube-fledged's definition, but it checks still less. */
const theirDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'imagecaches.kubefledged.io' },
  spec: {
    group: 'kubefledged.io',
    names: { kind: 'ImageCache', plural: 'imagecaches', singular: 'imagecache', shortNames: ['ic'] },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1alpha2',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', required: ['spec'], properties: { spec: anything, status: anything } },
        },
      },
    ],
  },
}

requirePart('kube-api')('the definitions in a real API server', () => {
  let journey: Journey
  let kube: KubeApi

  beforeAll(async () => {
    journey = await openJourney({ onTestFailed: () => undefined })
    kube = await startKubeApi({ directory: journey.at('kube') })
    await kube.apply(theirDefinition)
    await kube.kubectl('wait', '--for=condition=Established', 'crd/imagecaches.kubefledged.io')
    await kube.apply(
      imageCache('old', [{ images: ['nginx:1'] }], { status: oldStatus }),
      imageCache('old-and-bad', [{ images: ['nginx:1', 'nginx:1', 'no reference'] }], { status: oldStatus }),
    )
    await kube.kubectl('apply', '--filename', path.join(projectDirectory, 'deploy/crds'))
    for (const name of ['imagecaches.kubefledged.io', 'edgenodes.stowage.dev']) {
      await kube.kubectl('wait', '--for=condition=Established', `crd/${name}`)
    }
  })
  afterAll(async () => {
    await kube?.stop()
    await journey?.[Symbol.asyncDispose]()
  })

  it.each([
    ['lists of images', [{ images: ['ghcr.io/jitesoft/nginx:1.23.1'] }, { images: ['a/b'], nodeSelector: { a: 'b' } }]],
    ['lists that are emptied', [{ images: [''] }, { images: [] }]],
    ['no list', []],
    ['thousands of images', [1, 2, 3].map((list) => ({ images: manyImages(2000), nodeSelector: { list: `${list}` } }))],
    ['a list for each of many nodes', manyImages(3000).map((node) => ({ images: ['a'], nodeSelector: { node } }))],
    [
      'expressions without values',
      [
        { images: [], selector: asking('Exists', null) },
        { images: [], selector: asking('DoesNotExist', []) },
      ],
    ],
    [
      'nulls',
      [{ images: [], nodeSelector: null, platforms: null, selector: null, nodeNames: null, priority: null, pin: null }],
    ],
    [
      'nodes by expression and by name, first',
      [
        {
          images: ['a@sha256:' + 'a'.repeat(64)],
          selector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'Exists' }] },
          nodeNames: ['ship-7'],
          platforms: ['linux/arm64'],
          priority: -5,
          pin: false,
        },
      ],
    ],
  ])('take %s', async (_, cacheSpec) => {
    await kube.apply(imageCache('good', cacheSpec))
  })

  it.each<[object, string]>([
    [{ parallelism: 3, suspend: true, refreshFrequency: '1h30m', deletionPolicy: 'Purge' }, ''],
    [{ parallelism: '10%', imagePullPolicy: 'Always', imagePullDeadlineDuration: '5m', refreshFrequency: '0s' }, ''],
    [{ parallelism: null, suspend: null, refreshFrequency: null, imagePullPolicy: null, deletionPolicy: null }, ''],
    [{ parallelism: '120%' }, 'spec.parallelism: Invalid value: "120%"'],
    [{ parallelism: -1 }, 'spec.parallelism: Invalid value: -1'],
    [{ refreshFrequency: '1d' }, 'spec.refreshFrequency: Invalid value: "1d"'],
    [{ refreshFrequency: '0' }, ''],
    [{ refreshFrequency: '10s' }, ''],
    [{ refreshFrequency: '9999ms' }, '"9999ms" is too often: 0s (never), or 10s and longer'],
    [{ transfer: { rate: '500Ki', windows: [{ start: '22:00', end: '06:00' }] } }, ''],
    [
      {
        transfer: {
          rate: 500_000,
          windows: [{ days: ['Sat', 'Sun'], start: '00:00', end: '00:00', timeZone: 'Local' }],
        },
      },
      '',
    ],
    [{ transfer: { rate: null, windows: null } }, ''],
    [{ transfer: { rate: '10Mbit' } }, 'spec.transfer.rate: Invalid value: "10Mbit"'],
    [{ transfer: { rate: 10 } }, 'spec.transfer.rate: Invalid value: 10'],
    [
      { transfer: { windows: [{ start: '7:00', end: '24:00' }] } },
      'spec.transfer.windows[0].start: Invalid value: "7:00"',
    ],
    [{ transfer: { windows: [{ start: '07:00' }] } }, 'spec.transfer.windows[0].end: Required value'],
    [{ transfer: { windows: [{ days: ['Monday'], start: '07:00', end: '08:00' }] } }, 'Unsupported value: "Monday"'],
    [{ imagePullPolicy: 'Never' }, 'spec.imagePullPolicy: Unsupported value: "Never"'],
  ])('judge %j', async (fields, problem) => {
    const object = { ...imageCache('judged', []), spec: { cacheSpec: [], ...fields } }
    if (problem === '') await kube.apply(object)
    else await expect(kube.apply(object)).rejects.toThrow(problem)
  })

  it.each([
    [
      'a shell in an image',
      [{ images: ['nginx;reboot'] }],
      'spec.cacheSpec[0].images[0]: Invalid value: "nginx;reboot"',
    ],
    ['an image twice', [{ images: ['a', 'b', 'a'] }], 'spec.cacheSpec[0].images[2]: Duplicate value: "a"'],
    [
      "an image twice, in kube-fledged's words",
      [{ images: ['a'] }, { images: ['b', 'c', 'd', 'c', 'b'] }],
      'Duplicate image names within image list: c',
    ],
    ['an image twice in a long list', [{ images: [...manyImages(2000), 'a/7'] }], 'Duplicate value: "a/7"'],
    ['an expression without values', [{ images: [], selector: asking('In') }], 'In needs values'],
    ['an expression with null for values', [{ images: [], selector: asking('NotIn', null) }], 'NotIn needs values'],
    [
      'an expression with values to spare',
      [{ images: [], selector: asking('Exists', ['a']) }],
      'Exists takes no values',
    ],
    ['a name that is too long', [{ images: [`${'a/'.repeat(260)}a`] }], 'may not be more than 520'],
    ['no lists', null, 'missing required field "cacheSpec"'],
    ['an unknown field', [{ images: [], imagez: [] }], 'unknown field "imagez"'],
  ])('refuse %s', async (_, cacheSpec, message) => {
    await expect(kube.apply(imageCache('bad', cacheSpec))).rejects.toThrow(message)
  })

  it("take over kube-fledged's objects with their status, also those that would be refused now", async () => {
    for (const name of ['old', 'old-and-bad']) {
      expect(await kube.get('ic', name)).toMatchObject({ status: oldStatus })
      await kube.kubectl('annotate', 'ic', name, 'kubefledged.io/refresh-imagecache=')
      const status = JSON.stringify({ status: { status: 'Succeeded', failures: null, summary: { nodes: '98/100' } } })
      await kube.kubectl('patch', 'ic', name, '--subresource=status', '--type=merge', '--patch', status)
    }
    const [head, ...lines] = (await kube.kubectl('get', 'ic', 'old', '--output=wide')).split('\n')
    expect(head?.trim().split(/ +/)).toEqual(['NAME', 'STATUS', 'NODES', 'REASON', 'AGE', 'BYTES', 'MESSAGE'])
    expect(lines[0]).toMatch(/^old +Succeeded +98\/100 +ImagePullAborted /)
  })

  it('show nodes by what is known of them', async () => {
    await kube.apply({ apiVersion: 'stowage.dev/v1alpha1', kind: 'EdgeNode', metadata: { name: 'ship-7' } })
    const [head] = (await kube.kubectl('get', 'edgenodes')).split('\n')
    expect(head?.trim().split(/ +/)).toEqual(['NAME', 'LINK', 'SYNCED', 'PHASE', 'LAST-CHANGE', 'VERSION'])
  })
})

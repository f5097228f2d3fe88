import { describe, expect, it } from 'vitest'
import { parseFile } from './parse-file.ts'

const cache = (name: string, images = '[nginx]'): string => `apiVersion: kubefledged.io/v1alpha2
kind: ImageCache
metadata: { name: ${name} }
spec:
  cacheSpec:
  - images: ${images}
`
const kinds = (text: string): string[] =>
  parseFile('a.yaml', text).objects.map(({ kind, value, line }) => `${line} ${kind} ${value.name}`)

describe('a file of wishes', () => {
  it('holds several documents, some of them empty', () => {
    expect(kinds(`# nothing yet\n---\n${cache('a')}---\n---\n${cache('b')}`)).toEqual([
      '3 ImageCache a',
      '11 ImageCache b',
    ])
  })

  it('may be empty', () => {
    expect(parseFile('a.yaml', '\n')).toEqual({ objects: [], problems: [] })
  })

  it('may be what kube-fledged users have', () => {
    const text = `apiVersion: kubefledged.io/v1alpha2
kind: ImageCache
metadata: { name: imagecache1, namespace: kube-fledged, labels: { app: kubefledged, kubefledged: imagecache } }
spec:
  cacheSpec:
  - images: [ghcr.io/jitesoft/nginx:1.23.1]
  - images: [us.gcr.io/k8s-artifacts-prod/cassandra:v7, us.gcr.io/k8s-artifacts-prod/etcd:3.5.4-0]
    nodeSelector: { tier: backend }
  imagePullSecrets: [{ name: myregistrykey }]
`
    expect(parseFile('a.yaml', text).problems).toEqual([])
    expect(kinds(text)).toEqual(['1 ImageCache imagecache1'])
  })

  it('may be JSON indented with tabs', () => {
    const object = {
      apiVersion: 'kubefledged.io/v1alpha2',
      kind: 'ImageCache',
      metadata: { name: 'a' },
      spec: { cacheSpec: [] },
    }
    expect(kinds(JSON.stringify(object, undefined, '\t'))).toEqual(['1 ImageCache a'])
  })

  it('may hold lists as kubectl prints them', () => {
    const items = [cache('a'), cache('b')].map((text) => `- ${text.trimEnd().replaceAll('\n', '\n  ')}\n`).join('')
    expect(kinds(`apiVersion: v1\nkind: List\nitems:\n${items}`)).toEqual(['4 ImageCache a', '10 ImageCache b'])
  })

  it('may hold nodes and secrets, and passes over what others read', () => {
    const text = `
kind: EdgeNode
apiVersion: stowage.dev/v1alpha1
metadata: { name: ship-1, labels: { tier: backend } }
---
{ apiVersion: v1, kind: Secret, metadata: { name: key }, type: kubernetes.io/dockerconfigjson, stringData: { .dockerconfigjson: '{"auths":{}}' } }
---
{ apiVersion: v1, kind: Secret, metadata: { name: other }, type: Opaque }
---
{ apiVersion: v1, kind: Namespace, metadata: { name: fleet } }
`
    expect(kinds(text)).toEqual(['2 EdgeNode ship-1', '6 Secret key'])
    expect(parseFile('a.yaml', text).problems).toMatchObject([
      { severity: 'note', line: 8, message: 'a Secret that holds no registry credentials is passed over' },
      { severity: 'note', line: 10, message: 'v1 Namespace is passed over' },
    ])
  })

  it.each([
    ['broken YAML', 'a: [', { line: 1, column: 5, message: /^not valid YAML: / }],
    ['a tab', 'kind:\n\t- a', { line: 2, message: /^not valid YAML: Tabs/ }],
    ['a repeated key', 'kind: a\nkind: b', { line: 2, column: 1, message: /unique/ }],
    ['a text', 'hello', { line: 1, message: /an object with apiVersion and kind is expected/ }],
    ['no kind', 'apiVersion: v1', { field: 'kind', line: 1 }],
    [
      'a kind that is misspelt',
      cache('a').replace('ImageCache', 'ImageCahce'),
      { field: 'kind', line: 2, message: /no kind ImageCahce/ },
    ],
    ['another version', cache('a').replace('v1alpha2', 'v1alpha3'), { field: 'apiVersion', line: 1 }],
    [
      'an unknown field',
      `${cache('a')}    nodeSelectr: { tier: x }`,
      { field: 'spec.cacheSpec[0].nodeSelectr', line: 7, column: 5 },
    ],
    ['a bad reference', cache('a', '[nginx, "x y"]'), { field: 'spec.cacheSpec[0].images[1]', line: 6, column: 21 }],
    ['a missing spec', cache('a').split('spec:')[0] ?? '', { field: 'spec', line: 1 }],
    ['a bomb of aliases', bomb(), { line: 1, message: /expected/ }],
  ])(
    'says where %s is',
    (_, text, { message, ...place }: { line?: number; column?: number; field?: string; message?: RegExp }) => {
      const { objects, problems } = parseFile('dir/a.yaml', text)
      expect(objects).toEqual([])
      expect(problems[0]).toMatchObject({ severity: 'error', file: 'dir/a.yaml', ...place })
      if (message) expect(problems[0]?.message).toMatch(message)
    },
  )

  it('never quotes what might be a credential', () => {
    const { problems } = parseFile('a.yaml', 'data:\n  password: hunter2: hunter2\n  - hunter2')
    expect(problems.length).toBeGreaterThan(0)
    expect(JSON.stringify(problems)).not.toContain('hunter2')
  })
})

function bomb(): string {
  const levels = Array.from(
    { length: 12 },
    (__, level) =>
      `l${level}: &l${level} [${Array.from({ length: 9 }, () => (level === 0 ? 'x' : `*l${level - 1}`)).join(', ')}]`,
  )
  return levels.join('\n')
}

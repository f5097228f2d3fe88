import { describe, expect, it } from 'vitest'
import { parseCopyEnd } from './copy-end.ts'

const digest = `sha256:${'a'.repeat(64)}`

describe('parseCopyEnd', () => {
  it.each([
    ['docker://nginx', { kind: 'registry', registry: 'docker.io', repository: 'library/nginx' }],
    ['docker://nginx:latest', { kind: 'registry', registry: 'docker.io', repository: 'library/nginx', tag: 'latest' }],
    ['docker://reg.local:5000/a/b:v1', { kind: 'registry', registry: 'reg.local:5000', repository: 'a/b', tag: 'v1' }],
    [`docker://reg.local/a@${digest}`, { kind: 'registry', registry: 'reg.local', repository: 'a', digest }],
    ['mirror:docker.io/library/nginx:1', { kind: 'mirror', repository: 'docker.io/library/nginx', tag: '1' }],
    ['mirror:app', { kind: 'mirror', repository: 'app' }],
    ['data:./a:team/app:v1', { kind: 'data', directory: './a', repository: 'team/app', tag: 'v1' }],
    [`data:a:team/app@${digest}`, { kind: 'data', directory: 'a', repository: 'team/app', digest }],
    ['oci:./dir', { kind: 'layout', directory: './dir' }],
    ['oci:/a/dir:docker.io/library/nginx:1', { kind: 'layout', directory: '/a/dir', tag: 'docker.io/library/nginx:1' }],
    [`oci:dir@${digest}`, { kind: 'layout', directory: 'dir', digest }],
    ['oci-archive:a.tar:v1', { kind: 'archive', file: 'a.tar', tag: 'v1' }],
  ])('reads %s', (text, end) => {
    expect(parseCopyEnd(text)).toEqual({ text, ...end })
  })

  it.each([
    '',
    'nginx',
    'docker:nginx',
    'docker://',
    'oci:',
    'oci:dir:',
    'oci::v1',
    'mirror:',
    'mirror:A',
    'data:x',
    'dir:x',
  ])('refuses "%s"', (text) => {
    expect(() => parseCopyEnd(text)).toThrow(expect.objectContaining({ code: 'invalid' }) as Error)
  })
})

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRepository } from '../oci/reference.ts'
import { parsePath } from './parse-path.ts'
import { Refusal } from './refusal.ts'

const sha256 = `sha256:${'a1'.repeat(32)}`
const sha512 = `sha512:${'b2'.repeat(64)}`

describe('parsePath', () => {
  it.each<[string, object]>([
    ['/v2', { kind: 'base' }],
    ['/v2/', { kind: 'base' }],
    ['/v2/_catalog', { kind: 'catalog' }],
    ['/v2/a/tags/list', { kind: 'tags', repository: 'a' }],
    ['/v2/docker.io/library/nginx/tags/list', { kind: 'tags', repository: 'docker.io/library/nginx' }],
    ['/v2/reg.local:5000/a/tags/list', { kind: 'tags', repository: 'reg.local_5000/a' }],
    ['/v2/reg.local%3A5000/a/tags/list', { kind: 'tags', repository: 'reg.local_5000/a' }],
    ['/v2/manifests/tags/list', { kind: 'tags', repository: 'manifests' }],
    ['/v2/a/manifests/v1.0', { kind: 'manifest', repository: 'a', reference: { tag: 'v1.0' } }],
    ['/v2/a/manifests/list', { kind: 'manifest', repository: 'a', reference: { tag: 'list' } }],
    [`/v2/a/b/manifests/${sha256}`, { kind: 'manifest', repository: 'a/b', reference: { digest: sha256 } }],
    [`/v2/a/manifests/${sha512}`, { kind: 'manifest', repository: 'a', reference: { digest: sha512 } }],
    ['/v2/a/blobs/uploads/manifests/x', { kind: 'manifest', repository: 'a/blobs/uploads', reference: { tag: 'x' } }],
    [`/v2/a/blobs/${sha256}`, { kind: 'blob', repository: 'a', digest: sha256 }],
    [`/v2/a/blobs/${sha256.replace(':', '%3A')}`, { kind: 'blob', repository: 'a', digest: sha256 }],
    [`/v2/a/manifests/b/blobs/${sha256}`, { kind: 'blob', repository: 'a/manifests/b', digest: sha256 }],
    [`/v2/a/blobs/uploads/blobs/${sha256}`, { kind: 'blob', repository: 'a/blobs/uploads', digest: sha256 }],
    ['/v2/a/blobs/uploads/', { kind: 'upload-start', repository: 'a' }],
    ['/v2/a/blobs/uploads', { kind: 'upload-start', repository: 'a' }],
    ['/v2/a/blobs/uploads/x_Y-1', { kind: 'upload-session', repository: 'a', session: 'x_Y-1' }],
    [`/v2/a/referrers/${sha256}`, { kind: 'referrers', repository: 'a', digest: sha256 }],
  ])('reads %s', (path, expected) => {
    expect(parsePath(path)).toEqual(expected)
  })

  it.each<[string, string]>([
    ['/', 'NAME_UNKNOWN'],
    ['/v1/', 'NAME_UNKNOWN'],
    ['/v2/a', 'NAME_UNKNOWN'],
    ['/v2/a/tags', 'NAME_UNKNOWN'],
    ['/v2/a/tags/list/', 'NAME_UNKNOWN'],
    ['/v2/a/uploads/x', 'NAME_UNKNOWN'],
    ['/v2/tags/list', 'NAME_INVALID'],
    ['/v2//tags/list', 'NAME_INVALID'],
    ['/v2/blobs/uploads/', 'NAME_INVALID'],
    ['/v2/A/tags/list', 'NAME_INVALID'],
    ['/v2/a:5000/tags/list', 'NAME_INVALID'],
    ['/v2/b/a:5000/tags/list', 'NAME_INVALID'],
    ['/v2/a:b/c/tags/list', 'NAME_INVALID'],
    ['/v2/a//b/tags/list', 'NAME_INVALID'],
    ['/v2/../a/tags/list', 'NAME_INVALID'],
    ['/v2/a/%2e%2e/b/tags/list', 'NAME_INVALID'],
    ['/v2/a%2fb/tags/list', 'NAME_INVALID'],
    ['/v2/a%zz/tags/list', 'NAME_INVALID'],
    [`/v2/${'a'.repeat(256)}/tags/list`, 'NAME_INVALID'],
    ['/v2/a/manifests/', 'MANIFEST_UNKNOWN'],
    ['/v2/a/manifests/.hidden', 'MANIFEST_UNKNOWN'],
    [`/v2/a/manifests/${'t'.repeat(129)}`, 'MANIFEST_UNKNOWN'],
    ['/v2/a/manifests/sha256:baddigeststring', 'DIGEST_INVALID'],
    ['/v2/a/blobs/sha256:..', 'DIGEST_INVALID'],
    ['/v2/a/blobs/', 'DIGEST_INVALID'],
    [`/v2/a/referrers/${sha256}0`, 'DIGEST_INVALID'],
    ['/v2/a/blobs/uploads/x.y', 'BLOB_UPLOAD_UNKNOWN'],
    [`/v2/a/blobs/uploads/${'x'.repeat(129)}`, 'BLOB_UPLOAD_UNKNOWN'],
  ])('refuses %s with %s', (path, refusal) => {
    expect(() => parsePath(path)).toThrow(expect.objectContaining({ refusal }))
  })

  const word = fc.oneof(
    fc.constantFrom('', '.', '..', '%2e%2e', '%2F', '%00', 'a', 'b_c', 'blobs', 'uploads', 'manifests', 'tags', 'list'),
    fc.constantFrom('referrers', '_catalog', sha256, sha512, 'v1', 'A', '%'),
    fc.string({ maxLength: 8 }),
  )

  it('takes only repository names, tags, digests and sessions out of a path, whatever it is', () => {
    const paths = fc.array(word, { maxLength: 9 }).map((words) => `/v2/${words.join('/')}`)
    fc.assert(
      fc.property(paths, (path) => {
        const parsed = attempt(path)
        if (parsed instanceof Refusal) return
        if ('repository' in parsed) expect(isRepository(parsed.repository)).toBe(true)
        expect(JSON.stringify(parsed)).not.toMatch(/\.\.|%|\\u0000/)
      }),
      { numRuns: 2000 },
    )
  })
})

function attempt(path: string): ReturnType<typeof parsePath> | Refusal {
  try {
    return parsePath(path)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

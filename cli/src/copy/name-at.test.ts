import type { Digest } from '@stowage/mirror/oci/digest'
import { describe, expect, it } from 'vitest'
import { parseCopyEnd } from './copy-end.ts'
import { nameAt } from './name-at.ts'

const digest = `sha256:${'a'.repeat(64)}` as Digest
const full = 'docker.io/library/nginx:1'

describe('the name of a copy', () => {
  it.each([
    ['docker://h.io/x:1', 'docker://h.io/y:2', [], '2'],
    ['docker://h.io/x:1', 'docker://h.io/y', [], '1'],
    ['docker://h.io/x', 'docker://h.io/y', ['latest'], 'latest'],
    [`docker://h.io/x:1@${digest}`, 'docker://h.io/y', [], '1'],
    [`mirror:x:1@${digest}`, 'oci:y', [], '1'],
    [`docker://h.io/x@${digest}`, 'docker://h.io/y', ['latest'], undefined],
    ['docker://h.io/x:1', `docker://h.io/y@${digest}`, [], undefined],
    ['oci:x:1', 'data:d:y', [], '1'],
    ['oci:x', 'data:d:y', ['v1'], 'v1'],
    ['oci:x', 'data:d:y', [full, '1'], '1'],
    ['oci:x', 'data:d:y', [full], undefined],
    ['oci:x', 'oci-archive:y.tar', [full, '1'], full],
    ['oci:x', 'oci-archive:y.tar', [], undefined],
  ])('from %s to %s, where it is called %j, is %s', (from, to, names, name) => {
    expect(nameAt(parseCopyEnd(to), parseCopyEnd(from), { digest, names })).toBe(name)
  })

  it('is none where another digest is written', () => {
    const to = parseCopyEnd(`docker://h.io/y@sha256:${'b'.repeat(64)}`)
    const from = parseCopyEnd('docker://h.io/x:1')
    expect(() => nameAt(to, from, { digest, names: [] })).toThrow('can have no other digest there')
  })
})

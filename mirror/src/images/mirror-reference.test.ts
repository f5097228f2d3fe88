import { describe, expect, it } from 'vitest'
import { parseMirrorReference, wordOf } from './mirror-reference.ts'

const digest = `sha256:${'a'.repeat(64)}`

describe('parseMirrorReference', () => {
  it.each([
    ['app', { repository: 'app' }, 'latest'],
    ['app:v1', { repository: 'app', tag: 'v1' }, 'v1'],
    ['docker.io/library/nginx:1.29', { repository: 'docker.io/library/nginx', tag: '1.29' }, '1.29'],
    [`reg.local_5000/app@${digest}`, { repository: 'reg.local_5000/app', digest }, digest],
    [`app:v1@${digest}`, { repository: 'app', tag: 'v1', digest }, digest],
  ])('reads %s', (text, reference, word) => {
    expect(parseMirrorReference(text)).toEqual(reference)
    expect(wordOf(parseMirrorReference(text))).toBe(word)
  })

  it.each(['', 'App', 'reg.local:5000/app', 'app:', 'app@', 'app@sha256:1', 'app:v 1', 'docker://app', '../app'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseMirrorReference(text)).toThrow(expect.objectContaining({ code: 'invalid' }) as Error)
    },
  )
})

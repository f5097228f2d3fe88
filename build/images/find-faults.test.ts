import { describe, expect, it } from 'vitest'
import { architectures } from './architecture.ts'
import { findFaults } from './find-faults.ts'
import type { ImageFile } from './image-files.ts'

const [amd64, arm64] = [architectures[0]!, architectures[1]!]
const program = (path: string): ImageFile => ({ path, mode: 0o755, size: 1 })
const programs = ['usr/bin/node', 'usr/bin/stowage', 'usr/bin/sync'].map(program)
const good = [
  { architecture: amd64, files: [...programs, { ...program('usr/lib/x86_64-linux-gnu/libc.so.6'), machine: 'amd64' }] },
  {
    architecture: arm64,
    files: [...programs, { ...program('usr/lib/aarch64-linux-gnu/libc.so.6'), machine: 'arm64' }],
  },
] as const

describe('images of one version', () => {
  it('are without fault if they have the same files, each for its machine', () => {
    expect(findFaults(good)).toEqual([])
  })

  it.each(['a/linux-CPU.node', 'a/linux-CPU/a.glibc.node'])('may each have their own %s', (path) => {
    const files = (cpu: string) => program(`usr/lib/${path.replace('CPU', cpu)}`)
    const [first, second] = good
    const images = [
      { ...first, files: [...first.files, files('x64')] },
      { ...second, files: [...second.files, files('arm64')] },
    ]
    expect(findFaults(images)).toEqual([])
    expect(findFaults([first, images[1]!]).join()).toContain('has no usr/lib/a/linux-CPU')
  })

  it.each([
    [program('usr/bin/npm'), 'must not have usr/bin/npm'],
    [program('x.js'), 'the image for amd64 has no x.js, as others have'],
    [{ ...program('y.node'), machine: 'amd64' } as const, 'the image for arm64 has y.node, which is for amd64'],
    [{ ...program('z'), mode: 0o4755 }, 'has z with too many rights'],
  ])('are refused with %o', (file, fault) => {
    const faults = findFaults([good[0], { ...good[1], files: [...good[1].files, file] }])
    expect(faults.join('\n')).toContain(fault)
  })

  it('are refused without a program', () => {
    expect(findFaults([{ architecture: amd64, files: programs.slice(1) }])).toEqual([
      'the image for amd64 cannot run /usr/bin/node',
    ])
  })
})

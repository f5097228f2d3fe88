import { expect, it } from 'vitest'
import { createMemoryFileSystem } from '@stowage/mirror/store/crash-model/memory-file-system'
import { createFileSystem } from '../files/create-file-system.ts'
import { silentLog } from '../testing/silent-log.ts'
import { linuxAmd64 } from '../testing/test-image.ts'
import { openRuntime, parseRuntimePlace } from './open-runtime.ts'

const options = { files: createFileSystem(createMemoryFileSystem()), platform: linuxAmd64, log: silentLog }

it('opens a layout by its directory', async () => {
  await using runtime = await openRuntime('layout:/var/lib/images', options)
  expect(runtime.name).toBe('layout:/var/lib/images')
})

it.each(['layout', 'layout:', 'docker', '/var/lib/images'])('says what to write instead of "%s"', async (text) => {
  await expect(openRuntime(text, options)).rejects.toThrow(
    `"${text}" is not a runtime; write containerd, containerd:SOCKET or layout:DIR`,
  )
})

it.each([
  ['containerd', '/run/containerd/containerd.sock'],
  ['containerd:/run/k3s/containerd/containerd.sock', '/run/k3s/containerd/containerd.sock'],
])('takes %s for the socket %s', (text, socket) => {
  expect(parseRuntimePlace(text)).toEqual({ kind: 'containerd', socket })
})

it.each([
  ['containerd:containerd.sock', 'must be an absolute path'],
  [`containerd:/${'x'.repeat(107)}`, 'too long for a socket'],
])('refuses %s', (text, words) => {
  expect(() => parseRuntimePlace(text)).toThrow(words)
})

it('waits for a containerd that is not there, and says so', async () => {
  await using runtime = await openRuntime('containerd:/nowhere/containerd.sock', options)
  await expect(runtime.list()).rejects.toMatchObject({
    code: 'unavailable',
    message: 'there is no socket /nowhere/containerd.sock: is containerd running, and is that its socket?',
  })
})

import { expect, it } from 'vitest'
import { createMemoryFileSystem } from '@stowage/mirror/store/crash-model/memory-file-system'
import { createFileSystem } from '../files/create-file-system.ts'
import { linuxAmd64 } from '../testing/test-image.ts'
import { openRuntime } from './open-runtime.ts'

const options = { files: createFileSystem(createMemoryFileSystem()), platform: linuxAmd64 }

it('opens a layout by its directory', async () => {
  await using runtime = await openRuntime('layout:/var/lib/images', options)
  expect(runtime.name).toBe('layout:/var/lib/images')
})

it.each(['layout', 'layout:', 'containerd:/run/x.sock', '/var/lib/images'])(
  'says what to write instead of "%s"',
  async (text) => {
    await expect(openRuntime(text, options)).rejects.toThrow(`"${text}" is not a runtime; write layout:DIR`)
  },
)

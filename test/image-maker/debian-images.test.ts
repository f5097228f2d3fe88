import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtempDisposable, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createGunzip } from 'node:zlib'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { debianImages, type DebianImages } from './debian-images.ts'

const MiB = 2 ** 20

requirePart('debian')('the images of Debian packages', () => {
  it('are as large as a real one, in three layers', async () => {
    for (const { size, layers } of versionsOf(await debianImages())) {
      expect(size).toBeGreaterThan(90 * MiB)
      expect(size).toBeLessThan(120 * MiB)
      expect(layers.map(({ mediaType }) => mediaType)).toEqual(
        Array(3).fill('application/vnd.oci.image.layer.v1.tar+gzip'),
      )
    }
  })

  it('share the base and nothing else', async () => {
    const [v1, v2] = versionsOf(await debianImages()).map(({ layers }) => layers.map(({ digest }) => digest))
    expect(v2![0]).toBe(v1![0])
    expect(new Set([...v1!, ...v2!]).size).toBe(5)
  })

  it('are stored under the digests of their bytes', async () => {
    const { layout, v1, v2 } = await debianImages()
    for (const { digest, diffId, size, tarSize } of new Set([...v1.layers, ...v2.layers])) {
      const stored = layout.blobPath(digest)
      expect(await digestOf(createReadStream(stored))).toEqual([digest, size])
      expect(await digestOf(createReadStream(stored).pipe(createGunzip()))).toEqual([diffId, tarSize])
    }
  })

  it('are made once', async () => {
    const { layout, ...images } = await debianImages()
    const file = path.join(layout.directory, '../images.json')
    const { mtimeMs } = await stat(file)
    const { layout: _, ...again } = await debianImages()
    expect([again, (await stat(file)).mtimeMs]).toEqual([images, mtimeMs])
  })
})

requirePart('debian', 'root')('a process in an image of Debian packages', () => {
  it.each(['v1', 'v2'] as const)('says what %s is, down to a file of each layer', async (version) => {
    const { layout, [version]: image } = await debianImages()
    await using root = await mkdtempDisposable(path.join(tmpdir(), 'stowage-root-'))
    for (const { digest } of image.layers) await execa('tar', ['-xzf', layout.blobPath(digest), '-C', root.path])
    const { stdout } = await execa('chroot', [root.path, 'python3', '/srv/app/main.py'])
    expect(stdout).toBe(image.says)
  })
})

function versionsOf({ v1, v2 }: DebianImages) {
  return [v1, v2]
}

async function digestOf(bytes: AsyncIterable<Uint8Array>): Promise<[string, number]> {
  const hash = createHash('sha256')
  let size = 0
  for await (const piece of bytes) {
    hash.update(piece)
    size += piece.length
  }
  return [`sha256:${hash.digest('hex')}`, size]
}

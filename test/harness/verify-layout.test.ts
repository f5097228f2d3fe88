import { mkdtempDisposable, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeIndex, type MadeImage } from '../image-maker/make-image.ts'
import { createOciLayout, type OciLayout } from '../image-maker/oci-layout.ts'
import { smallImage } from '../image-maker/small-image.ts'
import { hasBlob, namesInLayout, verifyLayout, type ExpectedImage } from './verify-layout.ts'

const name = 'registry.example/demo:v1'
const arm64 = { os: 'linux', architecture: 'arm64' }
const amd64 = { os: 'linux', architecture: 'amd64' }

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let layout: OciLayout
let image: MadeImage
let expected: ExpectedImage

beforeEach(async () => {
  directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-verify-'))
  layout = await createOciLayout(directory.path)
  image = await smallImage(layout)
  const other = await smallImage(layout, { platform: arm64, seed: 'other' })
  const { index } = await makeIndex(layout, [image, other], { name })
  expected = { name, root: index.digest, ...amd64 }
})
afterEach(() => directory.remove())

const verify = () => verifyLayout(directory.path, expected)

describe('an image in a layout', () => {
  it('verifies when every byte of its platform is there', async () => {
    const verified = await verify()
    expect([...verified.sizes.keys()].toSorted()).toEqual(
      [
        expected.root,
        image.manifest.digest,
        image.config.digest,
        ...image.layers.map(({ digest }) => digest),
      ].toSorted(),
    )
    expect(verified.size).toBeGreaterThan(image.size)
    expect(await namesInLayout(directory.path)).toEqual([name])
  })

  it('may lack what other platforms need', async () => {
    const { manifests } = JSON.parse((await layout.read(image.manifest.digest)).toString()) as { manifests?: [] }
    expect(manifests).toBeUndefined()
    const { sizes } = await verifyLayout(directory.path, { ...expected, ...arm64 })
    await Promise.all([...sizes.keys()].slice(1).map((digest) => rm(layout.blobPath(digest as never))))
    await verify()
    await expect(verifyLayout(directory.path, { ...expected, ...arm64 })).rejects.toThrow('nothing for linux/arm64')
  })

  it('may be a manifest without an index', async () => {
    await layout.name(image.manifest, 'plain')
    expect((await verifyLayout(directory.path, { ...expected, name: 'plain', root: image.manifest.digest })).size).toBe(
      image.size,
    )
  })

  it.each(['manifest', 'config'] as const)('fails when its %s is another', async (part) => {
    await writeFile(layout.blobPath(image[part].digest), 'x'.repeat(image[part].size))
    await expect(verify()).rejects.toThrow(`${image[part].digest} hash to`)
  })

  it('fails when a layer is short', async () => {
    const layer = image.layers[1]!
    await truncate(layout.blobPath(layer.digest), layer.size - 1)
    await expect(verify()).rejects.toThrow(`${layer.size - 1} bytes under ${layer.digest}`)
  })

  it('fails when a layer is not there', async () => {
    const { digest } = image.layers[2]!
    await rm(layout.blobPath(digest))
    expect(await hasBlob(directory.path, digest)).toBe(false)
    await expect(verify()).rejects.toThrow('ENOENT')
  })

  it('fails when the name means something else', async () => {
    await layout.name(image.manifest, name)
    await expect(verify()).rejects.toThrow(`should be ${expected.root}`)
  })

  it('fails when nothing has the name', async () => {
    await expect(verifyLayout(directory.path, { ...expected, name: 'other' })).rejects.toThrow('does not name other')
    expect(await namesInLayout(path.join(directory.path, 'nowhere'))).toEqual([])
  })
})

import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import { makeIndex, type MadeIndex } from '../image-maker/make-image.ts'
import { createOciLayout, type OciLayout } from '../image-maker/oci-layout.ts'
import { smallImage } from '../image-maker/small-image.ts'
import { registryCredentials, startDockerRegistry } from './docker-registry.ts'
import { pushLayout } from './push-layout.ts'
import { requirePart } from './require-part.ts'
import { skopeoPush } from './skopeo-push.ts'

const temporary = () => mkdtempDisposable(path.join(tmpdir(), 'stowage-registry-'))

async function imageIn(directory: string): Promise<{ layout: OciLayout; image: MadeIndex }> {
  const layout = await createOciLayout(path.join(directory, 'layout'))
  const images = [
    await smallImage(layout),
    await smallImage(layout, { platform: { os: 'linux', architecture: 'arm64' }, layerSizes: [2_000, 900_000] }),
  ]
  return { layout, image: await makeIndex(layout, images, { name: 'app:v1' }) }
}

async function digestAt(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init)
  expect(response.status).toBe(200)
  return digestOf(await response.bytes())
}

requirePart('docker-registry')('docker-registry', () => {
  it('serves what was pushed, byte for byte', async () => {
    await using directory = await temporary()
    const { layout, image } = await imageIn(directory.path)
    await using registry = await startDockerRegistry({ directory: path.join(directory.path, 'registry') })
    const push = { layout, target: image.index, registry: registry.url, repository: 'a/b', tag: 'v1' }

    const pushed = await pushLayout(push)
    expect(pushed.blobs).toHaveLength(6) // Two configs, and layers of two images that share one: 3 and 1 more.
    expect(pushed.manifests).toHaveLength(3)

    const accept = { headers: { accept: image.index.mediaType } }
    expect(await digestAt(`${registry.url}/v2/a/b/manifests/v1`, accept)).toBe(image.index.digest)
    for (const { digest } of image.images.flatMap(({ layers }) => layers)) {
      expect(await digestAt(`${registry.url}/v2/a/b/blobs/${digest}`)).toBe(digest)
    }
    expect(await pushLayout(push)).toEqual({ blobs: [], manifests: [image.index] })
  })

  it('comes back on its port with its data', async () => {
    await using directory = await temporary()
    const { layout, image } = await imageIn(directory.path)
    const where = { directory: path.join(directory.path, 'registry') }
    const first = await startDockerRegistry(where)
    await pushLayout({ layout, target: image.index, registry: first.url, repository: 'a', tag: 'v1' })
    await first.stop()
    await using second = await startDockerRegistry({ ...where, port: first.port })
    expect(second.url).toBe(first.url)
    const accept = { headers: { accept: image.index.mediaType } }
    expect(await digestAt(`${second.url}/v2/a/manifests/v1`, accept)).toBe(image.index.digest)
  })

  it('says why it does not come up', async () => {
    await using directory = await temporary()
    await using first = await startDockerRegistry({ directory: path.join(directory.path, 'a') })
    const second = startDockerRegistry({ directory: path.join(directory.path, 'b'), port: first.port })
    await expect(second).rejects.toThrow('address already in use')
  })

  it('asks for a password when it was told to', async () => {
    await using directory = await temporary()
    const { layout, image } = await imageIn(directory.path)
    await using registry = await startDockerRegistry({ directory: path.join(directory.path, 'registry'), auth: true })
    const push = { layout, target: image.index, registry: registry.url, repository: 'a', tag: 'v1' }
    await expect(pushLayout(push)).rejects.toThrow('got 401')
    await expect(pushLayout({ ...push, credentials: { ...registryCredentials, password: 'wrong' } })).rejects.toThrow(
      'got 401',
    )
    const pushed = await pushLayout({ ...push, credentials: registry.credentials })
    expect(pushed.manifests).toHaveLength(3)
  })
})

requirePart('docker-registry', 'skopeo')('skopeo', () => {
  it('pushes a layout with its digests kept', async () => {
    await using directory = await temporary()
    const { layout, image } = await imageIn(directory.path)
    await using registry = await startDockerRegistry({ directory: path.join(directory.path, 'registry'), auth: true })
    const { credentials } = registry
    await skopeoPush({ layout, name: 'app:v1', reference: `${registry.host}/a:v1`, credentials })
    const pushed = await pushLayout({
      layout,
      target: image.index,
      registry: registry.url,
      repository: 'a',
      credentials,
    })
    expect(pushed).toEqual({ blobs: [], manifests: [] })
  })
})

import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { startContainerd } from '../harness/containerd/start-containerd.ts'
import { requirePart } from '../harness/require-part.ts'
import { skopeoPush } from '../harness/skopeo-push.ts'
import { digestAt, makeClientImage } from './client-images.ts'
import { startMirror } from './start-mirror.ts'

const temporary = () => mkdtempDisposable(path.join(tmpdir(), 'stowage-ctr-'))

requirePart('containerd', 'skopeo')('containerd', () => {
  it('pulls and unpacks one platform', async () => {
    await using directory = await temporary()
    const { layout, image, name } = await makeClientImage(directory.path)
    await using mirror = await startMirror(directory.path)
    await skopeoPush({ layout, name, reference: `${mirror.host}/shop/app:v1` })
    await using containerd = await startContainerd({ directory: path.join(directory.path, 'containerd') })

    const reference = `${mirror.host}/shop/app:v1`
    const flags = ['--plain-http', '--platform', 'linux/amd64']
    await containerd.ctr('images', 'pull', ...flags, reference)
    expect(await containerd.ctr('images', 'list', `name==${reference}`)).toContain(image.index.digest)
    const check = await containerd.ctr('images', 'check', `name==${reference}`)
    expect(check).toMatch(/complete \((\d+)\/\1\).*true/)
  })

  it('fetches all platforms and pushes them', async () => {
    await using directory = await temporary()
    const { layout, image, name } = await makeClientImage(directory.path)
    await using mirror = await startMirror(directory.path)
    await skopeoPush({ layout, name, reference: `${mirror.host}/shop/app:v1` })
    await using containerd = await startContainerd({ directory: path.join(directory.path, 'containerd') })

    const byDigest = `${mirror.host}/shop/app@${image.index.digest}`
    await containerd.ctr('content', 'fetch', '--plain-http', '--all-platforms', byDigest)
    const stored = (await containerd.ctr('content', 'list', '--quiet')).split('\n')
    const wanted = image.images.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers])
    expect(stored.toSorted()).toEqual([image.index, ...wanted].map(({ digest }) => digest as string).toSorted())

    await containerd.ctr('images', 'push', '--plain-http', `${mirror.host}/pushed/app:v2`, byDigest)
    expect(await digestAt(mirror.url, 'pushed/app', 'v2')).toBe(image.index.digest)
    await containerd.ctr('images', 'push', '--plain-http', `${mirror.host}/pushed/app:v3`, byDigest)
    expect(await digestAt(mirror.url, 'pushed/app', 'v3')).toBe(image.index.digest)
  })
})

import { mkdir, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { skopeoPush } from '../harness/skopeo-push.ts'
import { digestAt, makeClientImage } from './client-images.ts'
import { startMirror } from './start-mirror.ts'

/** podman with a store of its own, that needs no kernel feature. */
async function openPodman(directory: string): Promise<(...args: string[]) => Promise<string>> {
  const runtime = path.join(directory, 'run')
  await mkdir(runtime, { recursive: true })
  const store = ['--root', path.join(directory, 'store'), '--runroot', runtime, '--storage-driver', 'vfs']
  const env = { XDG_RUNTIME_DIR: runtime, TMPDIR: runtime }
  return async (...args) => (await execa('podman', [...store, ...args], { env })).stdout
}

requirePart(
  'podman',
  'skopeo',
  'root',
)('podman', () => {
  it('pulls by tag and by digest, and pushes what it pulled', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-podman-'))
    const { layout, image, name } = await makeClientImage(directory.path)
    await using mirror = await startMirror(directory.path)
    await skopeoPush({ layout, name, reference: `${mirror.host}/shop/app:v1` })
    const podman = await openPodman(path.join(directory.path, 'podman'))

    const amd64 = image.images[0]
    await podman('pull', '--tls-verify=false', '--platform', 'linux/amd64', `docker://${mirror.host}/shop/app:v1`)
    const ids = (): Promise<string> => podman('images', '--no-trunc', '--format', 'sha256:{{.Id}}')
    expect(await ids()).toBe(amd64?.config.digest)

    await podman('push', '--tls-verify=false', `${mirror.host}/shop/app:v1`, `docker://${mirror.host}/shop/app:pushed`)
    const pushed = await digestAt(mirror.url, 'shop/app', 'pushed')
    expect(pushed).toMatch(/^sha256:/)

    await podman('rmi', '--all', '--force')
    await podman('pull', '--tls-verify=false', `docker://${mirror.host}/shop/app@${pushed}`)
    expect(await ids()).toBe(amd64?.config.digest)
  })
})

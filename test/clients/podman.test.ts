import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { openJourney } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { skopeoPush } from '../harness/skopeo-push.ts'
import { digestAt, makeClientImage } from './client-images.ts'
import { startPullingMirror, vendor } from './pulling-mirror.ts'
import { startMirror } from './start-mirror.ts'

/**
 * podman with a store of its own, that needs no kernel feature.
 * @param registries instead of what the machine's registries.conf says
 */
async function openPodman(directory: string, registries?: string): Promise<(...args: string[]) => Promise<string>> {
  const runtime = path.join(directory, 'run')
  await mkdir(runtime, { recursive: true })
  const store = ['--root', path.join(directory, 'store'), '--runroot', runtime, '--storage-driver', 'vfs']
  const file = path.join(directory, 'registries.conf')
  if (registries !== undefined) await writeFile(file, registries)
  const env = {
    XDG_RUNTIME_DIR: runtime,
    TMPDIR: runtime,
    ...(registries === undefined ? {} : { CONTAINERS_REGISTRIES_CONF: file }),
  }
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
  it('pulls images of another registry through a mirror of it, also when that one is away', async () => {
    await using journey = await openJourney()
    const { layout, image, name } = await makeClientImage(journey.directory)
    await using registry = await startMirror(journey.at('vendor'))
    await skopeoPush({ layout, name, reference: `${registry.host}/shop/app:v1` })
    await using mirror = await startPullingMirror(journey.at('mirror'), { url: registry.url })
    const location = `${mirror.host}/${vendor}`
    const podman = await openPodman(
      journey.at('podman'),
      `[[registry]]\nprefix = "${vendor}"\nlocation = "${vendor}"\n` +
        `[[registry.mirror]]\nlocation = "${location}"\ninsecure = true\n`,
    )
    const pull = () => podman('pull', '--platform', 'linux/amd64', `${vendor}/shop/app:v1`)
    const ids = (): Promise<string> => podman('images', '--no-trunc', '--format', '{{.Repository}} sha256:{{.Id}}')
    await pull()
    expect(await ids()).toBe(`${vendor}/shop/app ${image.images[0]?.config.digest}`)
    await podman('rmi', '--all', '--force')
    await registry[Symbol.asyncDispose]()
    await pull()
    expect(await ids()).toBe(`${vendor}/shop/app ${image.images[0]?.config.digest}`)
  })
})

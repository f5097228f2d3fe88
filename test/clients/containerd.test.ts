import { cp, mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { startContainerd } from '../harness/containerd/start-containerd.ts'
import { requirePart } from '../harness/require-part.ts'
import { skopeoPush } from '../harness/skopeo-push.ts'
import { digestAt, makeClientImage } from './client-images.ts'
import { nodeToken, passwords, startGuardedMirror } from './guarded-mirror.ts'
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

  it('pulls with a password, with a pull secret, or with a token that its hosts.toml sends', async () => {
    await using directory = await temporary()
    const { layout, image, name } = await makeClientImage(directory.path)
    await using mirror = await startGuardedMirror(directory.path)
    const reference = `${mirror.host}/shop/app:v1`
    const login = ['--dest-creds', `ann:${passwords.ann}`]
    const images = [`oci:${layout.directory}:${name}`, `docker://${reference}`]
    await execa('skopeo', ['copy', '--all', ...login, ...images], { env: mirror.env })
    await using containerd = await startContainerd({ directory: path.join(directory.path, 'containerd') })

    const hosts = async (folder: string, more: string): Promise<string[]> => {
      const at = path.join(directory.path, folder, mirror.host)
      await mkdir(at, { recursive: true })
      const host = `[host."${mirror.url}"]\nca = "${mirror.caFile}"\n${more}`
      await writeFile(path.join(at, 'hosts.toml'), `server = "${mirror.url}"\n${host}`)
      return ['--hosts-dir', path.dirname(at)]
    }
    const header = `[host."${mirror.url}".header]\nauthorization = "Bearer ${nodeToken}"\n`
    const fetch = (...flags: string[]): Promise<string> =>
      containerd.ctr('content', 'fetch', ...flags, '--platform', 'linux/amd64', reference)
    const plain = await hosts('plain', '')
    // As a kubelet asks it, with and without a pull secret.
    await cp(path.join(directory.path, 'plain'), containerd.files.certs, { recursive: true })
    await expect(containerd.cri.pullImage(reference)).rejects.toThrow(/401|authorization failed|credentials are needed/)
    const wrong = { username: 'ann', password: 'wrong' }
    await expect(containerd.cri.pullImage(reference, wrong)).rejects.toThrow(/401|authorization failed|wrong/)
    const asBob = { username: 'bob', password: passwords.bob }
    await expect(containerd.cri.pullImage(reference, asBob)).rejects.toThrow(/403|denied|authorization failed/)
    await containerd.cri.pullImage(reference, { username: 'ann', password: passwords.ann })
    expect((await containerd.cri.imageStatus(reference))?.repoTags).toContain(reference)
    await containerd.cri.removeImage(reference)
    await expect(fetch(...plain)).rejects.toThrow(/401 Unauthorized|authorization failed|credentials are needed/)
    await expect(fetch(...plain, '--user', 'bob:' + passwords.bob)).rejects.toThrow(
      /403 Forbidden|authorization failed/,
    )
    await fetch(...plain, '--user', `ann:${passwords.ann}`)
    await containerd.ctr('images', 'remove', '--sync', reference)
    await fetch(...(await hosts('token', header)))
    expect(await containerd.ctr('content', 'list', '--quiet')).toContain(image.index.digest)
  })
})

import { mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { passwords, startGuardedMirror } from './guarded-mirror.ts'

type Buildah = (...args: string[]) => Promise<string>

/** buildah with a store of its own, that needs no kernel feature. */
async function openBuildah(directory: string, env: Record<string, string>): Promise<Buildah> {
  const [runtime, auth] = [path.join(directory, 'run'), path.join(directory, 'auth.json')]
  await mkdir(runtime, { recursive: true })
  await writeFile(auth, '{}')
  const store = ['--root', path.join(directory, 'store'), '--runroot', runtime, '--storage-driver', 'vfs']
  const all = {
    ...env,
    XDG_RUNTIME_DIR: runtime,
    TMPDIR: runtime,
    REGISTRY_AUTH_FILE: auth,
    BUILDAH_ISOLATION: 'chroot',
  }
  return async (...args) => (await execa('buildah', [...store, ...args], { env: all, cwd: directory })).stdout
}

requirePart(
  'buildah',
  'skopeo',
  'root',
)('buildah', () => {
  it('builds images and pushes them with a login, in both formats and under one index', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-buildah-'))
    await using mirror = await startGuardedMirror(directory.path)
    const buildah = await openBuildah(path.join(directory.path, 'buildah'), mirror.env)
    const repository = `${mirror.host}/shop/built`
    const mediaTypeAt = async (tag: string): Promise<unknown> => {
      const inspect = ['inspect', '--raw', '--creds', `ann:${passwords.ann}`, `docker://${repository}:${tag}`]
      return (JSON.parse((await execa('skopeo', inspect, { env: mirror.env })).stdout) as { mediaType: unknown })
        .mediaType
    }

    await writeFile(path.join(directory.path, 'buildah/file'), 'content')
    const container = await buildah('from', '--arch', 'amd64', 'scratch')
    await buildah('copy', container, 'file', '/file')
    for (const format of ['oci', 'docker']) await buildah('commit', '--format', format, container, `built:${format}`)

    const push = (format: string): Promise<string> =>
      buildah('push', `built:${format}`, `docker://${repository}:${format}`)
    await expect(push('oci')).rejects.toThrow(/unauthorized|credentials are needed/)
    await buildah('login', '-u', 'ann', '-p', passwords.ann, mirror.host)
    for (const format of ['oci', 'docker']) await push(format)
    expect(await mediaTypeAt('oci')).toBe('application/vnd.oci.image.manifest.v1+json')
    expect(await mediaTypeAt('docker')).toBe('application/vnd.docker.distribution.manifest.v2+json')

    await buildah('manifest', 'create', 'both')
    for (const format of ['oci', 'docker']) await buildah('manifest', 'add', 'both', `docker://${repository}:${format}`)
    await buildah('manifest', 'push', '--all', 'both', `docker://${repository}:both`)
    expect(await mediaTypeAt('both')).toBe('application/vnd.oci.image.index.v1+json')

    await buildah('rmi', '--all', '--force')
    const pulled = await buildah('from', `docker://${repository}:oci`)
    const mounted = await buildah('mount', pulled)
    expect(await readFile(path.join(mounted, 'file'), 'utf8')).toBe('content')
  })
})

import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { skopeoPush } from '../harness/skopeo-push.ts'
import { verifyLayout } from '../harness/verify-layout.ts'
import { digestAt, makeClientImage } from './client-images.ts'
import { startMirror } from './start-mirror.ts'

const temporary = () => mkdtempDisposable(path.join(tmpdir(), 'stowage-skopeo-'))
const skopeo = (...args: string[]) => execa('skopeo', args)
const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']

requirePart('skopeo')('skopeo', () => {
  it('copies an image of several platforms into the mirror and out of it, byte for byte', async () => {
    await using directory = await temporary()
    const { layout, image, name } = await makeClientImage(directory.path)
    await using mirror = await startMirror(directory.path)
    const reference = `${mirror.host}/docker.io/library/app:v1`
    await skopeoPush({ layout, name, reference })
    await skopeoPush({ layout, name, reference })
    const { digest } = image.index
    expect(await digestAt(mirror.url, 'docker.io/library/app', 'v1')).toBe(digest)

    const out = path.join(directory.path, 'out')
    for (const [from, to] of [
      [`docker://${reference}`, 'by-tag'],
      [`docker://${mirror.host}/docker.io/library/app@${digest}`, 'by-digest'],
    ] as const) {
      await skopeo('copy', '--all', '--preserve-digests', ...insecure, from, `oci:${out}:${to}`)
      for (const { platform } of image.images.map(({ manifest }) => manifest)) {
        await verifyLayout(out, { name: to, root: digest, os: 'linux', architecture: platform?.architecture ?? '' })
      }
    }
  })

  it('copies from one repository to another', async () => {
    await using directory = await temporary()
    const { layout, image, name } = await makeClientImage(directory.path)
    await using mirror = await startMirror(directory.path)
    await skopeoPush({ layout, name, reference: `${mirror.host}/a:v1` })
    const images = [`docker://${mirror.host}/a:v1`, `docker://${mirror.host}/b/c:v2`] as const
    await skopeo('copy', '--all', '--preserve-digests', ...insecure, ...images)
    expect(await digestAt(mirror.url, 'b/c', 'v2')).toBe(image.index.digest)
  })

  it('pushes and pulls in Docker form', async () => {
    await using directory = await temporary()
    const { layout, name } = await makeClientImage(directory.path)
    await using mirror = await startMirror(directory.path)
    const reference = `docker://${mirror.host}/a:docker`
    await skopeo('copy', '--format=v2s2', ...insecure, `oci:${layout.directory}:${name}`, reference)
    const raw = await skopeo('inspect', '--tls-verify=false', '--raw', reference)
    expect(JSON.parse(raw.stdout)).toMatchObject({
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    })
    await skopeo('copy', ...insecure, reference, `dir:${directory.path}/dir`)
  })

  it('lists, inspects and deletes', async () => {
    await using directory = await temporary()
    const { layout, image, name } = await makeClientImage(directory.path)
    await using mirror = await startMirror(directory.path)
    const repository = `docker://${mirror.host}/a`
    for (const tag of ['v1', 'v2']) await skopeoPush({ layout, name, reference: `${mirror.host}/a:${tag}` })
    const list = async (): Promise<unknown> =>
      JSON.parse((await skopeo('list-tags', '--tls-verify=false', repository)).stdout)
    expect(await list()).toMatchObject({ Tags: ['v1', 'v2'] })
    const inspected = await skopeo('inspect', '--tls-verify=false', `${repository}:v1`)
    expect(JSON.parse(inspected.stdout)).toMatchObject({ Digest: image.index.digest, Os: 'linux' })
    await skopeo('delete', '--tls-verify=false', `${repository}:v1`)
    // skopeo asks for the digest of the tag and deletes that, and with it all its tags.
    expect(await list()).toMatchObject({ Tags: [] })
    const again = await execa('skopeo', ['inspect', '--tls-verify=false', `${repository}:v1`], { reject: false })
    expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining('manifest unknown')])
  })
})

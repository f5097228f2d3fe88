import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { toolDirectory } from '../tools/tool-directory.ts'
import { digestAt, makeClientImage } from './client-images.ts'
import { startMirror } from './start-mirror.ts'

async function crane(...args: string[]): Promise<string> {
  return (await execa(path.join(toolDirectory('crane'), 'crane'), [...args, '--insecure'])).stdout
}

requirePart('crane')('crane', () => {
  it('pushes, copies, lists, pulls and deletes an image of several platforms', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-crane-'))
    const { layout, image } = await makeClientImage(directory.path)
    await using mirror = await startMirror(directory.path)
    const [one, two] = [`${mirror.host}/shop/app`, `${mirror.host}/other/app`]
    const { digest } = image.index

    await crane('push', '--index', layout.directory, `${one}:v1`)
    // crane pushes the layout's own index, with ours in it.
    const outer = await digestAt(mirror.url, 'shop/app', 'v1')
    expect(JSON.parse(await crane('manifest', `${one}:v1`))).toMatchObject({ manifests: [{ digest }] })
    await crane('copy', `${one}@${digest}`, `${two}:v1`)
    await crane('tag', `${two}:v1`, 'latest')
    expect(await crane('ls', two)).toBe('latest\nv1')
    expect((await crane('catalog', mirror.host)).split('\n')).toEqual(['other/app', 'shop/app'])
    expect(await crane('digest', `${two}:latest`)).toBe(digest)
    expect(await crane('digest', '--platform', 'linux/arm64', `${two}:latest`)).toBe(image.images[1]?.manifest.digest)

    const out = path.join(directory.path, 'out')
    await crane('pull', '--format', 'oci', `${two}:v1`, out)
    expect(JSON.parse(await readFile(path.join(out, 'index.json'), 'utf8'))).toMatchObject({ manifests: [{ digest }] })
    // It reads all layers, and compares their digests and diff IDs.
    expect(await crane('validate', '--remote', `${two}:v1`)).toMatch(/^PASS/)
    await crane('delete', `${two}@${digest}`)
    expect([await digestAt(mirror.url, 'other/app', 'v1'), await digestAt(mirror.url, 'shop/app', 'v1')]).toEqual([
      null,
      outer,
    ])
  })
})

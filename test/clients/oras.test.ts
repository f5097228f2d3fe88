import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { toolDirectory } from '../tools/tool-directory.ts'
import { startMirror } from './start-mirror.ts'

requirePart('oras')('oras', () => {
  it('pushes artifacts, attaches others to them, and finds, copies and deletes them', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-oras-'))
    await using mirror = await startMirror(directory.path)
    const oras = async (...args: string[]): Promise<string> =>
      (await execa(path.join(toolDirectory('oras'), 'oras'), args, { cwd: directory.path })).stdout
    const plain = '--plain-http'
    const [one, two] = [`${mirror.host}/shop/chart`, `${mirror.host}/other/chart`]
    await writeFile(path.join(directory.path, 'recipe.txt'), 'flour, water')
    await writeFile(path.join(directory.path, 'bill.json'), '{"parts":[]}')

    await oras('push', plain, `${one}:v1`, '--artifact-type', 'application/vnd.example.recipe', 'recipe.txt:text/plain')
    for (const type of ['sbom', 'signature']) {
      await oras('attach', plain, `${one}:v1`, '--artifact-type', `application/vnd.example.${type}`, 'bill.json')
    }
    const found = async (reference: string, ...flags: string[]): Promise<string[]> => {
      const { referrers } = JSON.parse(await oras('discover', plain, reference, '--format', 'json', ...flags)) as {
        referrers: { artifactType: string }[]
      }
      return referrers.map(({ artifactType }) => artifactType.replace('application/vnd.example.', '')).toSorted()
    }
    expect(await found(`${one}:v1`)).toEqual(['sbom', 'signature'])
    expect(await found(`${one}:v1`, '--artifact-type', 'application/vnd.example.sbom')).toEqual(['sbom'])

    await oras('cp', '--recursive', '--from-plain-http', '--to-plain-http', `${one}:v1`, `${two}:v1`)
    expect(await found(`${two}:v1`)).toEqual(['sbom', 'signature'])
    await oras('pull', plain, `${two}:v1`, '--output', 'out')
    expect(await readFile(path.join(directory.path, 'out/recipe.txt'), 'utf8')).toBe('flour, water')

    await oras('tag', plain, `${two}:v1`, 'v2')
    expect(await oras('repo', 'tags', plain, two)).toBe('v1\nv2')
    expect((await oras('repo', 'ls', plain, mirror.host)).split('\n')).toEqual(['other/chart', 'shop/chart'])
    await oras('manifest', 'delete', plain, '--force', `${two}:v1`)
    await expect(oras('resolve', plain, `${two}:v1`)).rejects.toThrow('not found')
    expect(await found(`${one}:v1`)).toEqual(['sbom', 'signature'])
  })

  it('puts blobs and manifests of its own making there, and takes them away', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-oras-'))
    await using mirror = await startMirror(directory.path)
    const oras = async (...args: string[]): Promise<string> =>
      (await execa(path.join(toolDirectory('oras'), 'oras'), args, { cwd: directory.path })).stdout
    const repository = `${mirror.host}/shop/parts`
    await writeFile(path.join(directory.path, 'part'), 'a part')
    const pushed = await oras('blob', 'push', '--plain-http', '--descriptor', repository, 'part')
    const { digest } = JSON.parse(pushed) as { digest: string }
    expect(await oras('blob', 'fetch', '--plain-http', '--output', '-', `${repository}@${digest}`)).toBe('a part')
    await oras('blob', 'delete', '--plain-http', '--force', `${repository}@${digest}`)
    await expect(oras('blob', 'fetch', '--plain-http', '--output', '-', `${repository}@${digest}`)).rejects.toThrow(
      'not found',
    )
  })
})

import { mkdir, mkdtempDisposable, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { makeDemoImages, type DemoImage } from './demo-images.ts'

const amd64 = { os: 'linux', architecture: 'amd64' }

async function projectAt(directory: string, packages: readonly string[]): Promise<string> {
  for (const name of packages) {
    const home = path.join(directory, 'node_modules', name)
    await mkdir(home, { recursive: true })
    await writeFile(path.join(home, 'package.json'), JSON.stringify({ name, version: '1.0.0' }))
  }
  await mkdir(path.join(directory, 'mirror/src'), { recursive: true })
  await writeFile(path.join(directory, 'mirror/src/a.ts'), 'export const a = 1\n')
  await writeFile(path.join(directory, 'node'), 'the runtime')
  return directory
}

const digestsOf = ({ wanted }: DemoImage): string[] => wanted.layers.map((layer) => layer.digest)

describe('the demo images', () => {
  it('share all but the last packages and the sources', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-demo-'))
    const projectDirectory = await projectAt(directory.path, ['a', '@scope/b'])
    const { v1, v2, newInV2 } = await makeDemoImages({
      projectDirectory,
      cacheDirectory: path.join(directory.path, 'cache'),
      platform: amd64,
      runtime: path.join(projectDirectory, 'node'),
      targetSize: 300,
    })
    expect(digestsOf(v1)).toHaveLength(3)
    expect(digestsOf(v2).slice(0, 1)).toEqual(digestsOf(v1).slice(0, 1))
    expect(digestsOf(v2).slice(1)).not.toContain(digestsOf(v1)[1])
    expect(newInV2).toBe(v2.wanted.size - v2.wanted.layers[0]!.size)
    expect(v1.other.manifest.platform).toEqual({ os: 'linux', architecture: 'arm64' })
    expect(v1.images.map((image) => image.manifest.digest)).toEqual([
      v1.wanted.manifest.digest,
      v1.other.manifest.digest,
    ])
  })

  it('reach their size where few packages are installed', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-demo-'))
    const projectDirectory = await projectAt(directory.path, ['a'])
    const options = {
      projectDirectory,
      cacheDirectory: path.join(directory.path, 'cache'),
      runtime: path.join(projectDirectory, 'node'),
      targetSize: 3_000_000,
    }
    const { v1, v2 } = await makeDemoImages(options)
    expect(v1.wanted.size).toBeGreaterThanOrEqual(3_000_000)
    expect(digestsOf(v1).slice(0, 2)).toEqual(digestsOf(v2).slice(0, 2))
    const again = await makeDemoImages(options)
    expect([again.v1.index, again.v2.index]).toEqual([v1.index, v2.index])
  })

  it('leave no half-written file when they are not wanted any more', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-demo-'))
    const projectDirectory = await projectAt(directory.path, ['a'])
    const cacheDirectory = path.join(directory.path, 'cache')
    const runtime = path.join(projectDirectory, 'node')
    const stop = new AbortController()
    const { signal } = stop
    const making = makeDemoImages({ projectDirectory, cacheDirectory, runtime, targetSize: 400_000_000, signal })
    const halfWritten = async (): Promise<string[]> =>
      (await readdir(path.join(cacheDirectory, 'layout/blobs'))).filter((name) => name.startsWith('.'))
    await Promise.all([
      expect(making).rejects.toThrow('enough'),
      eventually(async () => (await halfWritten()).length).then(() => stop.abort(new Error('enough'))),
    ])
    expect(await halfWritten()).toEqual([])
  })
})

import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { nameAnnotations } from '@stowage/mirror/edge/set'
import { digestOf, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import type { FileSystem } from '../../files/file-system.ts'
import { createFileSystem } from '../../files/create-file-system.ts'
import { createTestImage, linuxAmd64, type TestImage } from '../../testing/test-image.ts'
import { runtimeConformance, type RuntimeUnderTest } from '../runtime.conformance.ts'
import type { Runtime } from '../runtime.ts'
import { openLayoutRuntime } from './layout-runtime.ts'

const made: string[] = []
afterAll(() => Promise.all(made.map((path) => rm(path, { recursive: true }))))

const thisMachine = createFileSystem()

/** The disk of this machine, of which the staging directory seems to be another one. */
const twoDisks: FileSystem = {
  ...thisMachine,
  rename: async (from, to) => (from.includes('/staged/') ? 'other-device' : thisMachine.rename(from, to)),
}

async function openUnderTest(files: FileSystem = thisMachine): Promise<RuntimeUnderTest & { directory: string }> {
  const base = await mkdtemp(join(tmpdir(), 'stowage-layout-'))
  made.push(base)
  const directory = join(base, 'layout')
  await mkdir(join(base, 'staged'))
  const open = (): Promise<Runtime> => openLayoutRuntime({ directory, files, platform: linuxAmd64 })
  return {
    directory,
    runtime: await open(),
    reopen: open,
    async stage(bytes) {
      const path = join(base, 'staged', hexOf(digestOf(bytes)))
      await writeFile(path, bytes)
      return path
    },
    bringAsOthers: (name, image) => bringAsOthers(directory, name, image),
  }
}

async function bringAsOthers(directory: string, name: string, { root, manifests, blobs }: TestImage): Promise<void> {
  for (const [digest, bytes] of [...manifests, ...blobs]) await writeFile(blobPath(directory, digest), bytes)
  const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')) as { manifests: object[] }
  index.manifests.push({ ...root, 'x-theirs': { kept: true }, annotations: { [nameAnnotations.oci]: name } })
  await writeFile(join(directory, 'index.json'), JSON.stringify({ ...index, 'x-index': 'kept' }))
}

const blobPath = (directory: string, digest: Digest): string => join(directory, 'blobs/sha256', hexOf(digest))

runtimeConformance('a layout', () => openUnderTest())
runtimeConformance('a layout on another disk than the part files', () => openUnderTest(twoDisks))

describe('a layout', () => {
  let test: RuntimeUnderTest & { directory: string }
  beforeEach(async () => {
    test = await openUnderTest()
  })
  const indexOf = async (): Promise<{ manifests: Record<string, unknown>[] } & Record<string, unknown>> =>
    JSON.parse(await readFile(join(test.directory, 'index.json'), 'utf8')) as never

  async function bring(image: TestImage, name: string): Promise<void> {
    for (const descriptor of await test.runtime.begin(image.graph)) {
      const path = await test.stage(image.blobs.get(descriptor.digest) ?? Buffer.of())
      await test.runtime.accept(image.graph, { descriptor, path })
    }
    await test.runtime.publish(name, image.graph)
  }

  it('keeps every field that others wrote, through all that is done', async () => {
    await test.bringAsOthers('r/theirs:1', createTestImage([randomBytes(10)]))
    await test.runtime.adopt('r/theirs:1')
    await bring(createTestImage([randomBytes(10)]), 'r/ours:1')
    await test.runtime.remove('r/ours:1')
    await test.runtime.collect(new Set())
    await test.runtime.forget('r/theirs:1')
    const index = await indexOf()
    expect(index['x-index']).toBe('kept')
    expect(index.manifests).toMatchObject([{ 'x-theirs': { kept: true } }])
  })

  it('leaves what others brought, when a name of theirs comes to mean ours', async () => {
    const theirs = createTestImage([randomBytes(10)])
    await test.bringAsOthers('r/a:1', theirs)
    await bring(createTestImage([randomBytes(10)]), 'r/a:1')
    await test.runtime.collect(new Set())
    const index = await indexOf()
    expect(index.manifests[0]).toMatchObject({ digest: theirs.root.digest, 'x-theirs': { kept: true } })
    expect(index.manifests[0]).not.toHaveProperty('annotations')
    for (const digest of theirs.blobs.keys()) await readFile(blobPath(test.directory, digest))
  })

  it('never touches blobs that no index entry speaks of', async () => {
    const stray = randomBytes(10)
    await writeFile(blobPath(test.directory, digestOf(stray)), stray)
    await test.runtime.begin(createTestImage([randomBytes(10)]).graph)
    await test.runtime.collect(new Set())
    expect(await readdir(join(test.directory, 'blobs/sha256'))).toEqual([hexOf(digestOf(stray))])
  })

  it('does not list an image of which a blob went or changed its size, and asks for that blob alone', async () => {
    const image = createTestImage([randomBytes(10), randomBytes(10)])
    await bring(image, 'r/a:1')
    const [, layer] = image.graph.blobs
    await writeFile(blobPath(test.directory, layer?.digest ?? digestOf('')), 'short')
    expect(await test.runtime.list()).toEqual([])
    expect(await test.runtime.begin(image.graph)).toEqual([layer])
  })

  it('writes a damaged manifest of ours anew', async () => {
    const image = createTestImage([randomBytes(10)])
    await bring(image, 'r/a:1')
    await writeFile(blobPath(test.directory, image.root.digest), 'damaged')
    expect(await test.runtime.list()).toEqual([])
    expect(await test.runtime.begin(image.graph)).toEqual([])
    await test.runtime.publish('r/a:1', image.graph)
    expect(await test.runtime.list()).toHaveLength(1)
  })

  it('cleans nothing up while it cannot tell what others need', async () => {
    const theirs = createTestImage([randomBytes(10)])
    await test.bringAsOthers('r/theirs:1', theirs)
    await writeFile(blobPath(test.directory, theirs.graph.manifest.digest), 'damaged')
    await test.runtime.begin(createTestImage([randomBytes(10)]).graph)
    await expect(test.runtime.collect(new Set())).rejects.toThrow(/is damaged; nothing is cleaned up/)
  })

  it.each([
    ['is not JSON', '{ "manifests": [', /index\.json is not JSON .*; repair it/],
    [
      'is no index',
      '{"schemaVersion":2,"manifests":[{"digest":"x"}]}',
      /index\.json: manifests\.0\.mediaType: .*; repair it/,
    ],
  ])('says what is wrong with an index.json that %s, and leaves it', async (_, content, message) => {
    await writeFile(join(test.directory, 'index.json'), content)
    await expect(test.reopen()).rejects.toThrow(message)
    await expect(test.runtime.list()).rejects.toMatchObject({ code: 'invalid' })
    expect(await readFile(join(test.directory, 'index.json'), 'utf8')).toBe(content)
  })

  it('refuses a directory that holds something else', async () => {
    await writeFile(join(test.directory, 'oci-layout'), '{"imageLayoutVersion":"7.0.0"}')
    await expect(test.reopen()).rejects.toThrow(/is this the right directory/)
  })
})

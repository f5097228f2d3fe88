import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { addFakeImage, fakeContent } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import type { FakeUpstream } from '../registry/fake-upstream.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { openFsStore } from '../store/fs-store.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { flipByte } from '../testing/flip-byte.ts'
import { localPath as local, openFakeMirror, type FakeMirror } from './fake-mirror.ts'

const { upstreamOf } = createFakePull()
let directory: string
let upstream: FakeUpstream
let image: Record<'config' | 'layer' | 'root', Descriptor>

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-repairs-'))
  upstream = await upstreamOf()
  image = addFakeImage(upstream)
  await using mirror = await openMirror()
  await pull(mirror)
})
afterEach(() => rm(directory, { recursive: true }))

/** As after a start: nothing that is here was looked at. */
async function openMirror(objects?: ObjectStore): Promise<FakeMirror> {
  return await openFakeMirror(upstream, { store: createContentStore(objects ?? (await openFsStore({ directory }))) })
}

const paths = (): string[] => [
  `${local}/manifests/v1`,
  ...[image.config, image.layer].map(({ digest }) => `${local}/blobs/${digest}`),
]

async function pull({ ask }: FakeMirror): Promise<Digest[]> {
  const digests: Digest[] = []
  for (const path of paths()) digests.push(digestOf(Buffer.from(await (await ask(path)).arrayBuffer())))
  return digests
}

describe('what was fetched from an upstream and has a flipped byte', () => {
  it.each(['root', 'config'] as const)('is fetched again before it is answered with: %s', async (what) => {
    await flipByte(directory, image[what].digest, 5)
    await using mirror = await openMirror()
    expect(await pull(mirror)).toEqual([image.root, image.config, image.layer].map(({ digest }) => digest))
    const asked = what === 'root' ? '/manifests/' : image[what].digest
    expect(upstream.requests.filter(({ method, path }) => method === 'GET' && path.includes(asked))).toHaveLength(2)
  })

  it.each([undefined, 'bytes=100-', 'bytes=10-280000'])(
    'breaks the connection of who reads a large blob, and is right for the next one (%s)',
    async (range) => {
      await flipByte(directory, image.layer.digest, 200_000)
      await using mirror = await openMirror()
      const path = `${local}/blobs/${image.layer.digest}`
      const headers = range === undefined ? {} : { range }
      await expect(mirror.ask(path, { headers }).then((answer) => answer.arrayBuffer())).rejects.toThrow(
        /fetch failed|terminated/,
      )
      const again = Buffer.from(await (await mirror.ask(path)).arrayBuffer())
      expect(again.equals(fakeContent)).toBe(true)
    },
  )

  it.each(['root', 'config', 'layer'] as const)('or was deleted behind our back is fetched again: %s', async (what) => {
    await rm(join(directory, 'blobs/sha256', image[what].digest.slice(7)))
    await using mirror = await openMirror()
    expect(await pull(mirror)).toEqual([image.root, image.config, image.layer].map(({ digest }) => digest))
  })
})

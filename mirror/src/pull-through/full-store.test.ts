import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Fault } from '../oci/fault.ts'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { addFakeImage, fakeContent } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { ObjectStore, Upload } from '../store/object-store.ts'
import { localPath as local, openFakeMirror } from './fake-mirror.ts'

const { upstreamOf } = createFakePull()
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

/** A store on a disk that holds so many bytes of uploads, and small objects only if there is room for uploads. */
function fullStore(room: { bytes: number }): ObjectStore {
  const objects = createMemoryStore()
  const refuse = (): never => {
    throw new Fault('no-space', 'the disk is full')
  }
  const bounded = (upload: Upload): Upload =>
    Object.create(upload, {
      size: { get: () => upload.size },
      append: {
        value: (bytes: AsyncIterable<Uint8Array>) =>
          upload.append(
            (async function* () {
              for await (const chunk of bytes) {
                room.bytes -= chunk.length
                yield room.bytes < 0 ? refuse() : chunk
              }
            })(),
          ),
      },
    }) as Upload
  return {
    ...objects,
    putIfAbsent: async (...put) => (room.bytes < 0 ? refuse() : await objects.putIfAbsent(...put)),
    putIfMatch: async (...put) => (room.bytes < 0 ? refuse() : await objects.putIfMatch(...put)),
    openUpload: async (...upload) => (room.bytes < 0 ? refuse() : bounded(await objects.openUpload(...upload))),
  }
}

async function openScene(room: { bytes: number }) {
  const upstream = await upstreamOf()
  const image = addFakeImage(upstream)
  const refused: number[] = []
  const evictor = { came: () => undefined, refused: (bytes: number) => void refused.push(bytes) }
  const mirror = await openFakeMirror(upstream, { store: createContentStore(fullStore(room)), evictor })
  return { upstream, ...image, mirror, refused }
}

it('passes on what it cannot store: manifests by tag and by digest, blobs and parts of them', async () => {
  const room = { bytes: -1 }
  const { mirror, root, layer, refused } = await openScene(room)
  await using _ = mirror
  for (const reference of ['v1', root.digest]) {
    const answer = await mirror.ask(`${local}/manifests/${reference}`)
    expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([200, root.digest])
    expect(digestOf(await bytesOf(answer))).toBe(root.digest)
  }
  const whole = await mirror.ask(`${local}/blobs/${layer.digest}`)
  expect((await bytesOf(whole)).equals(fakeContent)).toBe(true)
  const part = await mirror.ask(`${local}/blobs/${layer.digest}`, { headers: { range: 'bytes=1000-200999' } })
  expect([part.status, (await bytesOf(part)).equals(fakeContent.subarray(1000, 201_000))]).toEqual([206, true])
  expect(refused).toEqual([layer.size, layer.size])

  room.bytes = 10_000_000
  await mirror.ask(`${local}/manifests/v1`)
  await bytesOf(await mirror.ask(`${local}/blobs/${layer.digest}`))
  expect(await mirror.store.repository('reg.example/team/app').hasBlob(layer)).toBe(true)
})

it('goes on for its readers when the room is used up while a blob comes, and over a cut', async () => {
  const { mirror, layer, upstream } = await openScene({ bytes: 150_000 })
  await using _ = mirror
  await mirror.ask(`${local}/manifests/v1`)
  upstream.trouble({ when: /blobs/, times: 2, cutAfter: 200_000 })
  expect((await bytesOf(await mirror.ask(`${local}/blobs/${layer.digest}`))).equals(fakeContent)).toBe(true)
})

it.each([
  ['from the beginning', -1],
  ['from the middle', 150_000],
])('does not pass on the end of a blob that is another one, passed on %s', async (_name, bytes) => {
  const { mirror, layer, upstream } = await openScene({ bytes })
  await using _ = mirror
  upstream.trouble({ when: /blobs/, bytes: Buffer.alloc(layer.size) })
  await mirror.ask(`${local}/manifests/v1`)
  const answer = await mirror.ask(`${local}/blobs/${layer.digest}`)
  await expect(bytesOf(answer)).rejects.toThrow('terminated')
})

it('asks no more often for a known tag because what it means now cannot be stored', async () => {
  const room = { bytes: 10_000_000 }
  const { mirror, root, layer, config, upstream } = await openScene(room)
  await using _ = mirror
  const meaning = async (): Promise<unknown> =>
    (await mirror.ask(`${local}/manifests/v1`)).headers.get('docker-content-digest')
  const known = mirror.store.repository('reg.example/team/app')
  expect(await meaning()).toBe(root.digest)
  await expect.poll(async () => (await known.tag('v1'))?.digest).toBe(root.digest)

  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config,
    layers: [layer],
    annotations: { is: 'new' },
  }
  const { digest } = upstream.addManifest('team/app', document, { tag: 'v1' })
  room.bytes = -1
  mirror.wait(90_000)
  expect(await meaning()).toBe(root.digest)
  const asked = (): number => upstream.requests.filter(({ path }) => path.includes(digest)).length
  await expect.poll(asked).toBe(1)
  await delay(50)
  for (let count = 0; count < 5; count++) expect(await meaning()).toBe(root.digest)
  expect(asked()).toBe(1)
})

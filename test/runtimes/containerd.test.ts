import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pack } from 'tar-stream'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { nameAnnotations } from '@stowage/mirror/edge/set'
import { digestOf, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import { createFileSystem } from '@stowage/node-agent/files/create-file-system'
import { openContainerdRuntime } from '@stowage/node-agent/runtime/containerd/containerd-runtime'
import { runtimeConformance, type RuntimeUnderTest } from '@stowage/node-agent/runtime/runtime.conformance'
import type { Runtime } from '@stowage/node-agent/runtime/runtime'
import { silentLog } from '@stowage/node-agent/testing/silent-log'
import { createTestImage, createTestLayer, linuxAmd64, type TestImage } from '@stowage/node-agent/testing/test-image'
import { containerdReleases } from '../harness/containerd/containerd-release.ts'
import { startContainerd, type Containerd } from '../harness/containerd/start-containerd.ts'
import { eventually } from '../harness/eventually.ts'
import { requirePart } from '../harness/require-part.ts'

for (const release of containerdReleases) {
  for (const retain of ['none', 'blobs'] as const) {
    requirePart(release)(`${release}, retaining ${retain}`, () => {
      let directory: string
      let containerd: Containerd
      const opened: Runtime[] = []
      beforeAll(async () => {
        directory = await mkdtemp(path.join(tmpdir(), 'stowage-ctd-'))
        containerd = await startContainerd({ directory: path.join(directory, 'c'), release })
      })
      afterAll(async () => {
        await containerd.stop()
        await rm(directory, { recursive: true })
      })
      afterEach(async () => {
        for (const runtime of opened.splice(0)) await runtime[Symbol.asyncDispose]()
        await clear(containerd)
      })

      function open(): Runtime {
        const runtime = openContainerdRuntime({
          socket: containerd.files.socket,
          namespace: 'k8s.io',
          snapshotter: 'overlayfs',
          retain,
          files: createFileSystem(),
          platform: linuxAmd64,
          log: silentLog,
        })
        opened.push(runtime)
        return runtime
      }

      async function openUnderTest(): Promise<RuntimeUnderTest> {
        return {
          runtime: open(),
          reopen: async () => open(),
          async stage(bytes) {
            const file = path.join(directory, hexOf(digestOf(bytes)))
            await writeFile(file, bytes)
            return file
          },
          bringAsOthers: (name, image) => importImage(containerd, path.join(directory, 'theirs.tar'), { name, image }),
        }
      }

      runtimeConformance(`${release}, retaining ${retain},`, openUnderTest)

      it('brings documents again that a power cut took from the disk, and nothing else', async () => {
        const test = await openUnderTest()
        const image = createTestImage([await createTestLayer(), await createTestLayer()])
        await bring(test, image, 'r.example/damaged:1')
        const [index, manifest] = image.graph.documents.map(({ digest }) =>
          path.join(containerd.files.blobs, hexOf(digest)),
        )
        await rm(index!)
        await truncate(manifest!)
        const reopened = await test.reopen()
        expect(await reopened.list()).toEqual([])
        expect(await reopened.begin(image.graph)).toEqual([])
        await reopened.publish('r.example/damaged:1', image.graph)
        expect(await reopened.list()).toMatchObject([{ name: 'r.example/damaged:1', owned: true }])
      })

      it('asks again for a layer that was damaged on its disk, and for no other', async () => {
        const { runtime, stage } = await openUnderTest()
        const image = createTestImage([await createTestLayer(), await createTestLayer()])
        const arrive = async (digest: Digest): Promise<void> => {
          const descriptor = image.graph.blobs.find((blob) => blob.digest === digest)
          await runtime.accept(image.graph, { descriptor: descriptor!, path: await stage(image.blobs.get(digest)!) })
        }
        const [lower, upper] = (await runtime.begin(image.graph)).map(({ digest }) => digest)
        // The upper one cannot be unpacked before the lower one is there.
        await arrive(upper!)
        await writeFile(path.join(containerd.files.blobs, hexOf(upper!)), image.blobs.get(upper!)!.toReversed())
        await arrive(lower!)
        await expect(runtime.publish('r.example/damaged:1', image.graph)).rejects.toMatchObject({ code: 'conflict' })
        expect((await runtime.begin(image.graph)).map(({ digest }) => digest)).toEqual([upper])
        await arrive(upper!)
        await runtime.publish('r.example/damaged:1', image.graph)
        expect(await runtime.list()).toMatchObject([{ name: 'r.example/damaged:1', owned: true }])
      })

      it('takes over a blob for an image that was given up meanwhile', async () => {
        const { runtime, stage } = await openUnderTest()
        const layer = await createTestLayer()
        const [givenUp, wanted] = [createTestImage([layer, await createTestLayer()]), createTestImage([layer])]
        const [descriptor] = await runtime.begin(givenUp.graph)
        expect(await runtime.begin(wanted.graph)).toEqual([descriptor])
        await runtime.collect(new Set([wanted.root.digest]))
        await runtime.accept(givenUp.graph, { descriptor: descriptor!, path: await stage(layer) })
        await runtime.publish('r.example/wanted:1', wanted.graph)
        await runtime.collect(new Set([wanted.root.digest]))
        expect(await containerd.ctr('leases', 'list', '--quiet')).toBe('')
      })

      it('names images as soon as their layers are there, while what others left is cleared away', async () => {
        const test = await openUnderTest()
        const images = await Promise.all(
          Array.from({ length: 12 }, async () => createTestImage([await createTestLayer(300_000)])),
        )
        const outcomes = await Promise.allSettled(
          images.map((image, at) => bring(test, at % 3 === 0 ? image : broken(image), `r.example/many:${at}`)),
        )
        const failed = outcomes.filter(({ status }, at) => status === 'rejected' && at % 3 === 0)
        expect(failed).toEqual([])
        expect(await test.runtime.list()).toHaveLength(4)
      })

      it('leaves no mark on what it forgets', async () => {
        const test = await openUnderTest()
        await bring(test, createTestImage([await createTestLayer()]), 'r.example/forgotten:1')
        const marks = async (): Promise<number> =>
          (await containerd.ctr('content', 'list')).split('stowage.dev/name.').length - 1
        expect(await marks()).toBe(1)
        await test.runtime.forget('r.example/forgotten:1')
        expect(await marks()).toBe(0)
      })

      it('leaves a name by digest to whom had it before, however often the tag is named', async () => {
        const test = await openUnderTest()
        const image = createTestImage([await createTestLayer()])
        const theirs = `r.example/pulled@${image.root.digest}`
        await test.bringAsOthers(theirs, image)
        for (let again = 0; again < 2; again++) await bring(test, image, 'r.example/pulled:1')
        expect(await test.runtime.remove('r.example/pulled:1')).toBe('removed')
        await test.runtime.collect(new Set())
        expect(await test.runtime.list()).toMatchObject([{ name: theirs, owned: false }])
      })

      it("leaves others' references in an index alone", async () => {
        const test = await openUnderTest()
        const [theirs, image] = [createTestImage([await createTestLayer()]), createTestImage([await createTestLayer()])]
        await test.bringAsOthers('r.example/theirs:1', image)
        await test.bringAsOthers('r.example/child:1', theirs)
        await containerd.ctr(
          'content',
          'label',
          image.root.digest,
          `containerd.io/gc.ref.content.m.0=${theirs.root.digest}`,
        )
        await containerd.ctr('images', 'remove', '--sync', 'r.example/child:1', theirs.graph.manifest.config.digest)
        await bring(test, image, 'r.example/ours:1')
        await test.runtime.collect(new Set([image.root.digest]))
        expect(await test.runtime.document(theirs.root.digest)).toBeDefined()
      })
    })
  }
}

async function bring({ runtime, stage }: RuntimeUnderTest, { graph, blobs }: TestImage, name: string): Promise<void> {
  for (const descriptor of await runtime.begin(graph)) {
    await runtime.accept(graph, { descriptor, path: await stage(blobs.get(descriptor.digest) ?? Buffer.of()) })
  }
  await runtime.publish(name, graph)
}

/** Its layer is not what its configuration says. */
function broken(image: TestImage): TestImage {
  const { graph } = image
  const config = graph.config && { ...graph.config, diffIds: graph.config.diffIds.map((id) => digestOf(id)) }
  return { ...image, graph: { ...graph, config } }
}

async function clear(containerd: Containerd): Promise<void> {
  const lines = async (...args: string[]): Promise<string[]> =>
    (await containerd.ctr(...args)).split('\n').filter(Boolean)
  for (const name of await lines('images', 'list', '--quiet')) await containerd.ctr('images', 'remove', name)
  for (const lease of await lines('leases', 'list', '--quiet'))
    await containerd.ctr('leases', 'delete', '--sync', lease)
}

/** As plain `ctr` does. */
async function importImage(
  containerd: Containerd,
  file: string,
  { name, image }: { name: string; image: TestImage },
): Promise<void> {
  const tar = pack()
  const add = (path: string, bytes: Uint8Array): void => void tar.entry({ name: path }, Buffer.from(bytes))
  for (const [digest, bytes] of [...image.manifests, ...image.blobs]) add(`blobs/sha256/${hexOf(digest)}`, bytes)
  const manifests = [{ ...image.root, annotations: { [nameAnnotations.containerd]: name } }]
  add('index.json', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })))
  add('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'))
  tar.finalize()
  await writeFile(file, Buffer.concat((await Array.fromAsync(tar)) as Uint8Array[]))
  await containerd.ctr('images', 'import', file)
  await eventually(() => containerd.cri.imageStatus(name), { what: `${name} in CRI's list` })
}

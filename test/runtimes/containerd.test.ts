import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pack } from 'tar-stream'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { nameAnnotations } from '@stowage/mirror/edge/set'
import { digestOf, hexOf } from '@stowage/mirror/oci/digest'
import { createFileSystem } from '@stowage/node-agent/files/create-file-system'
import { openContainerdRuntime } from '@stowage/node-agent/runtime/containerd/containerd-runtime'
import { runtimeConformance, type RuntimeUnderTest } from '@stowage/node-agent/runtime/runtime.conformance'
import type { Runtime } from '@stowage/node-agent/runtime/runtime'
import { silentLog } from '@stowage/node-agent/testing/silent-log'
import { linuxAmd64, type TestImage } from '@stowage/node-agent/testing/test-image'
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
    })
  }
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

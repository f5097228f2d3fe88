import { parseArgs } from 'node:util'
import { copyImage } from '@stowage/mirror/copy'
import { createRegistryClient } from '@stowage/mirror/registry/registry-client'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { nodeFileSystem, type FileSystem, type OpenFile } from '@stowage/mirror/store/file-system'
import { openFsStore } from '@stowage/mirror/store/fs-store'
import PQueue from 'p-queue'

/**
 * Copies an image from a registry into a new store of the mirror, with the parts and the number of requests at a time that
 * a centre has, and prints what the copy itself took.
 * usage: node --conditions=source test/bench/copy-image.ts --registry HOST:PORT --repository NAME --tag TAG --to DIR [--no-sync]
 */
const { values: flags } = parseArgs({
  options: {
    registry: { type: 'string', default: '' },
    repository: { type: 'string', default: '' },
    tag: { type: 'string', default: '' },
    to: { type: 'string', default: '' },
    'no-sync': { type: 'boolean', default: false },
  },
})

await using objects = await openFsStore({
  directory: flags.to,
  files: flags['no-sync'] ? withoutSync(nodeFileSystem) : nodeFileSystem,
})
await using source = createRegistryClient({ registry: flags.registry })
const sink = createContentStore(objects).repository(flags.repository)
const [startedAt, cpuBefore] = [performance.now(), process.cpuUsage()]
const { bytesFetched } = await copyImage({
  source,
  sourceRepository: flags.repository,
  reference: flags.tag,
  sink,
  tags: [flags.tag],
  queue: new PQueue({ concurrency: 8 }),
})
const wallSeconds = (performance.now() - startedAt) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
console.log(JSON.stringify({ wallSeconds, cpuSeconds: (user + system) / 1e6, bytesFetched }))

/** The kernel writes when it likes: to see what durability costs. */
function withoutSync(files: FileSystem): FileSystem {
  const unsynced = (file: OpenFile): OpenFile => ({ ...file, sync: () => Promise.resolve() })
  return {
    ...files,
    open: async (path, mode) => unsynced(await files.open(path, mode)),
    syncDirectory: () => Promise.resolve(),
  }
}

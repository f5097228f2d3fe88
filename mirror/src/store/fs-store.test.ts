import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contentStoreConformance } from './content-store.conformance.ts'
import { openFsStore } from './fs-store.ts'
import { objectStoreConformance } from './object-store.conformance.ts'
import type { OpenedStore } from './opened-store.conformance.ts'

objectStoreConformance('the file-system store', open)
contentStoreConformance('content on disk', open)

async function open(): Promise<OpenedStore> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-store-'))
  return {
    store: await openFsStore({ directory }),
    reopen: () => openFsStore({ directory }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  }
}

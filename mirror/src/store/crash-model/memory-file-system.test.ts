import { contentStoreConformance } from '../content-store.conformance.ts'
import { openFsStore } from '../fs-store.ts'
import { objectStoreConformance } from '../object-store.conformance.ts'
import type { OpenedStore } from '../opened-store.conformance.ts'
import { createMemoryFileSystem } from './memory-file-system.ts'

// The crash model is worth as much as this file system is like a real one.
objectStoreConformance('the file-system store on a file system in memory', open)
contentStoreConformance('content on a file system in memory', open)

async function open(): Promise<OpenedStore> {
  const files = createMemoryFileSystem()
  const store = await openFsStore({ directory: '/store', files })
  return {
    store,
    reopen: () => openFsStore({ directory: '/store', files }),
    [Symbol.asyncDispose]: async () => {},
  }
}

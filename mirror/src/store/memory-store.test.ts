import { contentStoreConformance } from './content-store.conformance.ts'
import { createMemoryStore } from './memory-store.ts'
import { heldReadsConformance } from './held-reads.conformance.ts'
import { objectStoreConformance } from './object-store.conformance.ts'
import type { OpenedStore } from './opened-store.conformance.ts'

objectStoreConformance('the memory store', open)
heldReadsConformance('the memory store', open)
contentStoreConformance('content in memory', open)

async function open(): Promise<OpenedStore> {
  const store = createMemoryStore()
  return { store, reopen: async () => store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
}

import { createMemoryStore } from './memory-store.ts'
import { objectStoreConformance } from './object-store.conformance.ts'

objectStoreConformance('the memory store', async () => {
  const store = createMemoryStore()
  return { store, reopen: async () => store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
})

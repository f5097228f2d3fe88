import { describe, expect, it } from 'vitest'
import type { OpenedStore } from './opened-store.conformance.ts'
import { bytesOf, pattern, publish } from './stored-bytes.conformance.ts'

/** What every object store keeps to, but over a link that is cut: there reading on is asking again. */
export function heldReadsConformance(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} while an object is read`, () => {
    it('goes on giving the bytes of an object that is deleted', async () => {
      await using opened = await open()
      const { store } = opened
      const bytes = pattern(3 * 1024 * 1024)
      await publish(store, 'large', bytes)
      const got = await store.get('large')
      await store.delete('large')
      expect((await bytesOf(got!)).equals(bytes)).toBe(true)
    })
  })
}

import type { FetchOptions } from '../../content.ts'
import type { Digest } from '../../oci/digest.ts'
import { isFault, type Fault } from '../../oci/fault.ts'
import type { ContentStore } from '../content-store.ts'
import { blobKey } from '../content/content-keys.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Quarantine } from './quarantine.ts'
import type { LostContent, RepairSource } from './repair-source.ts'

export interface MenderOptions {
  readonly objects: Pick<ObjectStore, 'head'>
  readonly content: ContentStore
  readonly quarantine: Quarantine
  /** Asked one after the other. */
  readonly sources: readonly RepairSource[]
}

/** Whether lost bytes are back: `unneeded` if no repository names them any more, `missed` if nobody knows where they are. */
export type Mending = 'mended' | 'unneeded' | 'missed'

/** Brings back what was damaged. */
export interface Mender {
  /** @throws Fault of the last source that failed, if none had it */
  mend(digest: Digest, options?: FetchOptions): Promise<Mending>
  /** What is still missed. */
  missed(): AsyncIterable<Digest>
}

export function createMender({ objects, content, quarantine, sources }: MenderOptions): Mender {
  const isThere = async (digest: Digest): Promise<boolean> => (await objects.head(blobKey(digest))) !== undefined

  async function* repositoriesOf(digest: Digest): AsyncGenerator<LostContent> {
    for (const repository of await content.repositories()) {
      const descriptor = await content.repository(repository).stat(digest)
      if (descriptor) yield { repository, content: descriptor }
    }
  }

  async function bring(digest: Digest, options?: FetchOptions): Promise<Mending> {
    let [isNamed, failure]: [boolean, Fault?] = [false]
    for await (const lost of repositoriesOf(digest)) {
      isNamed = true
      for (const source of sources) {
        try {
          if ((await source.bring(lost, options)) && (await isThere(digest))) return 'mended'
        } catch (error) {
          if (!isFault(error)) throw error
          failure = error
        }
      }
    }
    if (failure) throw failure
    return isNamed ? 'missed' : 'unneeded'
  }

  return {
    async mend(digest, options) {
      const mending = (await isThere(digest)) ? 'mended' : await bring(digest, options)
      if (mending !== 'missed') await quarantine.settle(digest)
      return mending
    },

    async *missed() {
      for await (const { digest, settledAt } of quarantine.list()) if (settledAt === null) yield digest
    },
  }
}

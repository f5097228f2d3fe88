import type { FetchOptions } from '../../content.ts'
import type { Digest } from '../../oci/digest.ts'
import { isFault, type Fault } from '../../oci/fault.ts'
import type { ContentStore } from '../content-store.ts'
import { blobKey } from '../content/content-keys.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Integrity } from './integrity.ts'
import type { LostContent, RepairSource } from './repair-source.ts'

export interface MenderOptions {
  readonly objects: Pick<ObjectStore, 'head'>
  readonly content: ContentStore
  readonly integrity: Pick<Integrity, 'check' | 'quarantine' | 'isUnreadable' | 'unreadable'>
  /** Asked one after the other. */
  readonly sources: readonly RepairSource[]
  /** Is told of what was missed, and is not any more. */
  readonly onSettled?: ((digest: Digest, mending: Mending) => void) | undefined
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

export function createMender(options: MenderOptions): Mender {
  const { objects, content, integrity, sources, onSettled } = options
  const { quarantine } = integrity

  async function look(digest: Digest): Promise<'there' | 'unreadable' | 'gone'> {
    const info = await objects.head(blobKey(digest))
    if (!info) return 'gone'
    return integrity.isUnreadable(info, digest) ? 'unreadable' : 'there'
  }

  async function* repositoriesOf(digest: Digest): AsyncGenerator<LostContent> {
    for (const repository of await content.repositories()) {
      const descriptor = await content.repository(repository).stat(digest)
      if (descriptor) yield { repository, content: descriptor }
    }
  }

  async function bring(digest: Digest, fetching?: FetchOptions): Promise<Mending> {
    let [isNamed, failure]: [boolean, Fault?] = [false]
    for await (const lost of repositoriesOf(digest)) {
      isNamed = true
      for (const source of sources) {
        try {
          if ((await bringFrom(source, lost, fetching)) && (await look(digest)) === 'there') return 'mended'
        } catch (error) {
          if (!isFault(error)) throw error
          failure = error
        }
      }
    }
    if (failure) throw failure
    return isNamed ? 'missed' : 'unneeded'
  }

  /** The right bytes are worth more than the room that the damaged ones take. */
  async function bringFrom(source: RepairSource, lost: LostContent, fetching?: FetchOptions): Promise<boolean> {
    try {
      return await source.bring(lost, fetching)
    } catch (error) {
      if (!isFault(error, 'no-space') || !(await quarantine.drop(lost.content.digest))) throw error
      return await source.bring(lost, fetching)
    }
  }

  return {
    async mend(digest, fetching) {
      // What a process left that ended before it had taken it away is damaged still.
      const isUnreadable = (await look(digest)) === 'unreadable'
      const isRight = !isUnreadable && (await integrity.check(digest, fetching)) === 'right'
      const mending = isRight ? 'mended' : await bring(digest, fetching)
      const isSettled = mending !== 'missed' && (await quarantine.settle(digest))
      if (isSettled || (isUnreadable && mending === 'mended')) onSettled?.(digest, mending)
      return mending
    },

    async *missed() {
      for await (const { digest, settledAt } of quarantine.list()) if (settledAt === null) yield digest
      yield* integrity.unreadable()
    },
  }
}

import type { Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import { blobKey } from '../content/content-keys.ts'
import type { ObjectStore } from '../object-store.ts'
import { hashBlob, type HashOptions } from '../scrub/hash-blob.ts'
import type { RepositoryTools } from './suspect-repository.ts'
import type { Suspicion } from './suspicion.ts'

export interface CheckDataOptions extends HashOptions, Pick<RepositoryTools, 'check' | 'mend'> {
  readonly objects: ObjectStore
  readonly suspect: (suspicion: Suspicion) => void
}

/** Reads a blob and compares it with its digest, without changing anything. */
export async function checkData(digest: Digest, options: CheckDataOptions): Promise<void> {
  const { objects, check, mend, suspect } = options
  const isDamaged = async (hashing?: HashOptions): Promise<boolean> =>
    (await hashBlob(objects, digest, hashing))?.isRight === false
  const isUnreadable = async (hashing?: HashOptions): Promise<string | undefined> => {
    try {
      return void (await isDamaged(hashing))
    } catch (error) {
      if (isFault(error, 'unavailable')) return error.message
      throw error
    }
  }

  try {
    if (!(await isDamaged(options))) return
    suspect({
      fault: { kind: 'blob-damaged', digest, says: 'its bytes have another digest: push it or copy it again' },
      isStill: () => isDamaged(),
      repair: async () => (await check(digest)) !== 'right' && (await mend(digest)),
    })
  } catch (error) {
    // A store that is away says so of everything.
    if (!isFault(error, 'unavailable') || !(await objects.head(blobKey(digest)))) throw error
    suspect({
      fault: { kind: 'blob-unreadable', digest, says: error.message },
      isStill: async () => (await isUnreadable()) !== undefined,
    })
  }
}

import { Fault } from '../../oci/fault.ts'
import type { Bucket } from './bucket.ts'
import { makeName } from './cell.ts'

/** What a service can do besides what it must. */
export interface ServiceAbilities {
  readonly deletesOnCondition: boolean
}

/**
 * Tries what everything here rests on: that a write is refused when its condition does not hold. Services that do not know of
 * conditions write without a word.
 * @throws Fault invalid if the service is such a one; unavailable
 */
export async function checkService(bucket: Bucket, folder: string): Promise<ServiceAbilities> {
  const key = `${folder}probe-${makeName()}`
  const never = 'f'.repeat(32)
  // Who may not list a bucket is told that access is denied to what is not there; and only this answer says that there is no bucket.
  await bucket.get(key)
  const etag = await bucket.put(key, Buffer.from('probe'), { ifAbsent: true })
  try {
    const again = await bucket.put(key, Buffer.from('again'), { ifAbsent: true })
    const over = await bucket.put(key, Buffer.from('over'), { ifMatch: never })
    if (etag === undefined || again !== undefined || over !== undefined) {
      const message =
        'the S3 service writes without looking at conditions (If-None-Match, If-Match): nothing could be kept there safely'
      throw new Fault('invalid', message)
    }
    const isRefused = await bucket.delete(key, never).then(
      (isDeleted) => isDeleted === undefined,
      () => false,
    )
    return { deletesOnCondition: isRefused && (await bucket.stat(key)) !== undefined }
  } finally {
    await bucket.delete(key)
  }
}

import { randomUUID } from 'node:crypto'
import { deedsOf } from '@stowage/mirror/store/gc/garbage-model-deeds'
import { runModel } from '@stowage/mirror/store/gc/garbage-model'
import { createS3Store } from '@stowage/mirror/store/s3/create-s3-store'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { testCount } from '../harness/test-count.ts'
import { testSeed } from '../harness/test-seed.ts'
import { timedStores } from './timed-stores.ts'
import { withBucket } from './with-bucket.ts'

const day = 86_400_000
const count = testCount('STOWAGE_GARBAGE_DEEDS', 60)

requirePart('versitygw')(
  'garbage in a bucket, collected without a pause by two replicas whose clocks are days apart',
  () => {
    const bucket = withBucket()

    it.each([true, false])(
      `is all that goes, and all of it goes, with ${count} random deeds (deletes on condition: %s)`,
      async (deletesOnCondition) => {
        const prefix = randomUUID()
        const seed = testSeed('garbage in a bucket')
        const over = deletesOnCondition ? bucket() : { ...bucket(), delete: (key: string) => bucket().delete(key) }
        const { violations, ...tally } = await runModel({
          deeds: deedsOf(seed, count),
          seed,
          clients: 4,
          aheadBy: [-3 * day, 3 * day],
          replicas: (now) => timedStores(now, () => createS3Store({ bucket: over, prefix, deletesOnCondition })),
        })
        console.log(JSON.stringify(tally))
        expect(violations).toEqual([])
        expect(tally.linksDeleted).toBeGreaterThan(0)
        expect(tally.blobsDeleted).toBeGreaterThan(0)
      },
    )
  },
)

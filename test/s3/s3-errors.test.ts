import { inspect } from 'node:util'
import { Fault } from '@stowage/mirror/oci/fault'
import { checkService } from '@stowage/mirror/store/s3/check-service'
import { openS3Store, type S3StoreOptions } from '@stowage/mirror/store/s3/s3-store'
import { describe, expect, it } from 'vitest'
import { freePort } from '../harness/free-port.ts'
import { requirePart } from '../harness/require-part.ts'
import { bucketOptions, withBucket, withService } from './with-bucket.ts'

requirePart('versitygw')('a service that is tried', () => {
  const bucket = withBucket()

  it('is found to delete on condition, and nothing is left of the trial', async () => {
    expect(await checkService(bucket(), 'trial/')).toEqual({ deletesOnCondition: true })
    expect(await Array.fromAsync(bucket().list('trial/'))).toEqual([])
  })

  it('is found to delete whatever the condition', async () => {
    const careless = { ...bucket(), delete: (key: string) => bucket().delete(key) }
    expect(await checkService(careless, 'trial/')).toEqual({ deletesOnCondition: false })
  })

  it('is refused if it writes whatever the condition', async () => {
    const careless = { ...bucket(), put: (key: string, bytes: Uint8Array) => bucket().put(key, bytes) }
    await expect(checkService(careless, 'trial/')).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('without looking at conditions'),
    })
    expect(await Array.fromAsync(bucket().list('trial/'))).toEqual([])
  })
})

requirePart('versitygw')('a bucket that cannot be opened', () => {
  const service = withService()

  it.each([
    [
      'a bucket that is not there',
      { bucket: 'no-such-bucket' },
      /^bucket no-such-bucket at .*: there is no such bucket/,
    ],
    [
      'an unknown access key',
      { credentials: { accessKeyId: 'AKIDNOBODY', secretAccessKey: 'shh' } },
      /access key is not known/,
    ],
    [
      'a wrong secret',
      { credentials: { accessKeyId: 'AKIDOFTESTS', secretAccessKey: 'shh' } },
      /secret does not belong/,
    ],
    ['a wrong region', { region: 'eu-west-1' }, /region is wrong.*--s3-region/],
  ])('is told: %s', async (_, wrong, message) => {
    const fault = await failureOf({ ...bucketOptions(service()), ...wrong })
    expect(fault).toMatchObject({ code: 'unavailable', message: expect.stringMatching(message) })
    for (const secret of ['AKID', 'shh', service().secretAccessKey]) expect(everythingIn(fault)).not.toContain(secret)
  })
})

describe('a service that is away', () => {
  it('is told with its address', async () => {
    const endpoint = new URL(`http://127.0.0.1:${await freePort()}`)
    const credentials = { accessKeyId: 'AKIDOFTESTS', secretAccessKey: 'shh' }
    const fault = await failureOf({ bucket: 'any', endpoint, credentials })
    expect(fault).toMatchObject({ code: 'unavailable', message: `${endpoint.host}: connection refused` })
    for (const secret of ['AKID', 'shh']) expect(everythingIn(fault)).not.toContain(secret)
  })
})

async function failureOf(options: Omit<S3StoreOptions, 'prefix'>): Promise<Fault> {
  const failure = await openS3Store({ ...options, prefix: 'a/b' }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Fault)
  return failure as Fault
}

/** All that a logger could find. */
function everythingIn(fault: Fault): string {
  return inspect(fault, { depth: Infinity, showHidden: true, getters: true })
}

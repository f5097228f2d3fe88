import type { Bucket } from '@stowage/mirror/store/s3/bucket'

/** A bucket as a process sees it that is killed over one of its requests. */
export interface DyingBucket {
  readonly bucket: Bucket
  /** How many requests were made so far. */
  requests(): number
}

/** From the request of this number on nothing is answered; that one itself is still done, or not any more. */
export function dyingBucket(
  bucket: Bucket,
  { at, isDone }: { readonly at: number; readonly isDone: boolean },
): DyingBucket {
  let requests = 0

  async function request<T>(work: () => Promise<T>): Promise<T> {
    const number = requests++
    if (number === at && isDone) await work()
    if (number >= at) throw new Error('killed')
    return await work()
  }

  return {
    bucket: {
      ...bucket,
      stat: (...args) => request(() => bucket.stat(...args)),
      get: (...args) => request(() => bucket.get(...args)),
      put: (...args) => request(() => bucket.put(...args)),
      join: (...args) => request(() => bucket.join(...args)),
      delete: (...args) => request(() => bucket.delete(...args)),
      async *list(...args) {
        await request(async () => undefined)
        yield* bucket.list(...args)
      },
    },
    requests: () => requests,
  }
}

/** What `work` comes to, or undefined if it takes longer; it goes on in that case. @throws what `work` throws by then */
export async function within<T>(limitMs: number, work: Promise<T>): Promise<{ readonly value: T } | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), limitMs)
  try {
    return await Promise.race([work.then((value) => ({ value })), late])
  } finally {
    clearTimeout(timer)
  }
}

/** A loop that runs until its signal aborts, and then resolves or throws the signal's reason. */
export type Loop = (signal: AbortSignal) => Promise<void>

/**
 * Runs loops side by side. When one ends, however it ends, the others are stopped; all are awaited, and the first failure is thrown.
 * Being stopped is no failure.
 */
export async function runAll(loops: readonly Loop[], signal: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const any = AbortSignal.any([signal, stop.signal])
  const failures: unknown[] = []
  const run = async (loop: Loop): Promise<void> => {
    try {
      await loop(any)
    } catch (error) {
      if (!(any.aborted && error === any.reason)) failures.push(error)
    } finally {
      stop.abort()
    }
  }
  await Promise.all(loops.map((loop) => run(loop)))
  if (failures.length > 0) throw failures[0]
}

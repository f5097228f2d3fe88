/** Runs loops side by side until the signal fires. The first that fails stops the others; when all have ended, its error is thrown. */
export async function runAll(
  loops: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  const controller = new AbortController()
  const either = AbortSignal.any([signal, controller.signal])
  const failures: unknown[] = []
  await Promise.all(
    loops.map(async (loop) => {
      try {
        await loop(either)
      } catch (error) {
        failures.push(error)
        controller.abort(error)
      }
    }),
  )
  if (failures.length > 0) throw failures[0]
}

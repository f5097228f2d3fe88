import { Fault } from '@stowage/mirror/oci/fault'
import { unlessAborted } from '../unless-aborted.ts'

/**
 * Passes bytes on for as long as they keep coming. `open` is given a signal that fires when they do not.
 * Only waiting for bytes counts as silence, not what the reader does between them.
 * @throws Fault unavailable if nothing comes for `stallMs`; the signal's reason if it fires
 */
export async function* guardedAgainstStalls(
  open: (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>,
  { stallMs, signal }: { readonly stallMs: number; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted()
  const ended = new AbortController()
  const either = AbortSignal.any([signal, ended.signal])
  let isWaiting = true
  const timer = setTimeout(() => {
    if (isWaiting) ended.abort(new Fault('unavailable', `no byte came for ${stallMs / 1000} s`))
    else timer.refresh()
  }, stallMs)
  let iterator: AsyncIterator<Uint8Array> | undefined
  try {
    // A source that ignores its signal is left alone with it.
    iterator = (await unlessAborted(open(either), either))[Symbol.asyncIterator]()
    for (;;) {
      const next = await unlessAborted(iterator.next(), either)
      if (next.done) return
      isWaiting = false
      yield next.value
      isWaiting = true
      timer.refresh()
    }
  } catch (error) {
    throw either.aborted ? either.reason : error
  } finally {
    clearTimeout(timer)
    ended.abort(new Fault('unavailable', 'nobody reads any more'))
    letGo(iterator)
  }
}

/** Not awaited: a source that hangs may never answer. */
function letGo(iterator: AsyncIterator<Uint8Array> | undefined): void {
  iterator?.return?.().then(undefined, () => {
    // The bytes up to here were right or will be checked; how the source ends does not matter any more.
  })
}

import type { Scrubber } from '@stowage/mirror/store/scrub/scrubber'
import { scrubRateOf, type ScrubFlags } from './scrub-options.ts'

/** What looks after the bytes of a store beside everything else, until its signal. */
export function scrubLoops(
  scrubber: Scrubber,
  flags: ScrubFlags,
  { directory }: { readonly directory: string | undefined },
): ReadonlyArray<(signal: AbortSignal) => Promise<void>> {
  const bytesPerSecond = scrubRateOf(flags, directory === undefined)
  const mending = (signal: AbortSignal): Promise<void> => scrubber.mend(signal)
  if (bytesPerSecond === 'off') return [mending]
  return [mending, (signal) => scrubber.scrub({ bytesPerSecond, everyMs: flags.scrubEvery, signal })]
}

/** What it takes a moment to do, and V8 to be sure. */
const ticks = 3000

/**
 * To be called before the first request. V8 learns from the first objects that `process.nextTick` makes how to make them. Where it
 * learns that from ticks of all sorts, it makes them in a slow way for good: each answer of such a process takes a third
 * longer, and 15 of 40 starts came to that. Many of one sort in a row settle it (none of 46).
 */
export function settleTicks(): void {
  for (let n = 0; n < ticks; n++) process.nextTick(nothing)
}

function nothing(): void {}

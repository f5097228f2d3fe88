import type { WaitForLineOptions } from './spawned.ts'

/** The last lines that a program wrote, and those who wait for the next. */
export interface LineRing {
  add(line: string): void
  /** No more lines will come. */
  end(): void
  lines(): readonly string[]
  count(): number
  waitFor(name: string, pattern: RegExp, options?: WaitForLineOptions): Promise<RegExpExecArray>
}

interface Waiter {
  look(): void
}

export function createLineRing({ capacity }: { capacity: number }): LineRing {
  const kept: string[] = []
  const waiting = new Set<Waiter>()
  let dropped = 0
  let ended = false
  const lookAgain = (): void => waiting.forEach((waiter) => waiter.look())
  const story = (): string => (kept.length === 0 ? 'It said nothing.' : `It said last:\n${kept.slice(-20).join('\n')}`)

  function waitFor(
    name: string,
    pattern: RegExp,
    { withinMs = 30_000, after = 0 }: WaitForLineOptions = {},
  ): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
    const fail = (what: string): void => reject(new Error(`${name} ${what} a line like ${pattern}. ${story()}`))
    const timer = setTimeout(() => fail(`did not write within ${withinMs} ms`), withinMs)
    let next = after
    const waiter: Waiter = {
      look() {
        for (next = Math.max(next, dropped); next < dropped + kept.length; next += 1) {
          const found = new RegExp(pattern, pattern.flags.replace(/[gy]/g, '')).exec(kept[next - dropped]!)
          if (found) return resolve(found)
        }
        if (ended) fail('ended without')
      },
    }
    waiting.add(waiter)
    waiter.look()
    return promise.finally(() => {
      clearTimeout(timer)
      waiting.delete(waiter)
    })
  }

  return {
    add(line) {
      kept.push(line)
      dropped += kept.splice(0, kept.length - capacity).length
      lookAgain()
    },
    end() {
      ended = true
      lookAgain()
    },
    lines: () => kept,
    count: () => dropped + kept.length,
    waitFor,
  }
}

import { setTimeout as delay } from 'node:timers/promises'

/** How long a server lets others wait. */
export interface AnswerWatch extends AsyncDisposable {
  /** The longest wait since the last time that this was asked, in milliseconds. */
  takeLongest(): number
}

const everyMs = 50

/** Asks a cheap question again and again: who waits long for its answer waits for something else. */
export function watchAnswers(url: string): AnswerWatch {
  const stop = new AbortController()
  const { signal } = stop
  let longest = 0
  let askedAt = performance.now()

  async function askOnce(): Promise<void> {
    askedAt = performance.now()
    try {
      await (await fetch(url, { signal })).arrayBuffer()
      longest = Math.max(longest, performance.now() - askedAt)
      await delay(everyMs, undefined, { signal })
    } catch {
      // Between two lives of the server nobody answers.
      await delay(everyMs)
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) await askOnce()
  }

  const running = run()
  return {
    takeLongest() {
      const found = longest
      longest = 0
      return found
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

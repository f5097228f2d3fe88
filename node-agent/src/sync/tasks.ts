/** Work that goes on beside others', each under a subject. */
export interface Tasks {
  has(subject: string): boolean
  start(subject: string, work: (signal: AbortSignal) => Promise<void>): void
  /** Ends these. */
  end(subjects: ReadonlySet<string>): void
  /** Ends all others. */
  retain(subjects: ReadonlySet<string>): void
  /** Ends all, and resolves when they have. */
  stop(): Promise<void>
}

/** @param onEnd told how each one ended that was not stopped: undefined if well */
export function createTasks(onEnd: (failure: unknown) => void): Tasks {
  const running = new Map<string, { readonly controller: AbortController; readonly done: Promise<void> }>()

  async function run(
    subject: string,
    controller: AbortController,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    let failure: unknown
    try {
      await work(controller.signal)
    } catch (error) {
      failure = error
    }
    if (running.get(subject)?.controller === controller) running.delete(subject)
    if (!controller.signal.aborted) onEnd(failure)
  }

  async function end(subject: string): Promise<void> {
    const task = running.get(subject)
    running.delete(subject)
    task?.controller.abort(new Error(`${subject} is not wanted any more`))
    await task?.done
  }

  return {
    has: (subject) => running.has(subject),
    start(subject, work) {
      const controller = new AbortController()
      // Started in the next turn: it must be found here when it ends, however early that is.
      const done = Promise.resolve().then(() => run(subject, controller, work))
      running.set(subject, { controller, done })
    },
    end(subjects) {
      for (const subject of subjects) void end(subject)
    },
    retain(subjects) {
      for (const subject of running.keys()) if (!subjects.has(subject)) void end(subject)
    },
    async stop() {
      await Promise.all([...running.keys()].map(end))
    },
  }
}

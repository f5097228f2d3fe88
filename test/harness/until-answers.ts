import { eventually } from './eventually.ts'
import type { Spawned } from './spawned.ts'

/**
 * Waits until a program is worth talking to: until a call to it does not throw.
 * @throws Error with the program's last words, as soon as it ends or after 90 s
 */
export async function untilAnswers(program: Spawned, call: () => Promise<unknown>): Promise<void> {
  const over = new AbortController()
  const lastWords = (): string => program.lines().slice(-5).join('\n')
  void program.exited.then(() => over.abort(new Error(`${program.name} ended. It said last:\n${lastWords()}`)))
  const answers = (): Promise<boolean> => call().then(() => true)
  await eventually(answers, { what: `an answer of ${program.name}`, withinMs: 90_000, signal: over.signal })
}

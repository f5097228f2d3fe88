import { existsSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { eventually } from '../harness/eventually.ts'

// Its parent tells on standard input what runs, and "over" when all is clean. If the input ends without that word, the
// parent was killed, and what it left is taken away here.
const running = new Set<number>()
/** Directories of daemons whose own guards end them and take the directory away: nobody else is to touch it before that. */
const left = new Set<string>()
const guardsHaveMs = 60_000
let isOver = false
for await (const line of createInterface({ input: process.stdin })) {
  const [word = '', rest = ''] = line.split(/ (.*)/s)
  if (word === 'over') isOver = true
  else if (word === 'started') running.add(Number(rest))
  else if (word === 'ended') running.delete(Number(rest))
  else if (word === 'left') left.add(rest)
  else if (word === 'taken') left.delete(rest)
}
if (!isOver) {
  for (const pid of running) killIfThere(pid)
  const isLeft = (): boolean => [...left].some((directory) => existsSync(directory))
  await eventually(() => !isLeft(), { withinMs: guardsHaveMs }).catch(() => undefined) // Then there is nobody else.
  rmSync(process.argv[2]!, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself a moment ago.
  }
}

import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'

// Its parent tells on standard input what runs, and "over" when all is clean. If the input ends without that word, the
// parent was killed, and what it left is taken away here.
const running = new Set<number>()
let isOver = false
for await (const line of createInterface({ input: process.stdin })) {
  const [word, pid] = line.split(' ')
  if (word === 'over') isOver = true
  else if (word === 'started') running.add(Number(pid))
  else running.delete(Number(pid))
}
if (!isOver) {
  for (const pid of running) killIfThere(pid)
  rmSync(process.argv[2]!, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself a moment ago.
  }
}

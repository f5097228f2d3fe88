import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Asks for the head of URL so many times in a second, whether or not earlier answers have come, until standard input ends; then
 * prints how long answers took. A server that stands still for a while is met by all that is asked meanwhile.
 * usage: node test/bench/ask-steadily.ts URL PER_SECOND
 */
const [url = '', perSecond] = process.argv.slice(2)
const { hostname, port, host, pathname } = new URL(url)
const request = `HEAD ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\n\r\n`
/** A server cuts a connection on which many wait: while it, or this process, stands still for a moment none is to get there. */
const connections = 64

interface Asker {
  readonly socket: Socket
  /** When what is not answered yet was asked. */
  readonly waiting: number[]
}

const times: number[] = []
let isOver = false

async function openAsker(): Promise<Asker> {
  const socket = connect(Number(port), hostname)
  socket.setNoDelay()
  const waiting: number[] = []
  let head = ''
  socket.on('data', (chunk) => {
    head += chunk.toString('latin1')
    for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
      if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`${url} is answered with ${head.slice(0, end)}`)
      times.push(performance.now() - waiting.shift()!)
      head = head.slice(end + 4)
    }
  })
  socket.on('end', () => {
    if (!isOver) throw new Error(`${url}: the server closed the connection`)
  })
  await new Promise((resolve) => socket.once('connect', resolve))
  return { socket, waiting }
}

function at(share: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN
}

const askers = await Promise.all(Array.from({ length: connections }, openAsker))
process.stdin.on('end', () => (isOver = true)).resume()
const startedAt = performance.now()
for (let asked = 0; !isOver; asked++) {
  const { socket, waiting } = askers[asked % connections]!
  waiting.push(performance.now())
  socket.write(request)
  const dueIn = startedAt + ((asked + 1) / Number(perSecond)) * 1000 - performance.now()
  if (dueIn > 0) await delay(dueIn)
}
while (askers.some(({ waiting }) => waiting.length > 0)) await delay(1)
times.sort((a, b) => a - b)
console.log(JSON.stringify({ answers: times.length, medianMs: at(0.5), p99Ms: at(0.99), longestMs: at(1) }))
process.exit()

import { read, writeSync } from 'node:fs'
import { setPriority } from 'node:os'
import { parseArgs } from 'node:util'
import { openJsonControl } from '../../link/json-control.ts'
import type { Direction } from '../../link/link-counters.ts'
import { cutPlanSchema, cutSchema } from '../../link/link-protocol.ts'
import { seededRandom } from '../../link/seeded-random.ts'
import { createEmulatedLink } from './emulated-link.ts'
import { emulatedShapeSchema } from './emulated-link-protocol.ts'

const usage = `usage: node --conditions=source test/net/emulator/link-emulator.ts --control NAME [options] 3<>TUN 4<>TUN
  Carries packets between two TUN devices as a thin link would: descriptor 3 is the centre's end, 4 the node's.
  Started by startEmulatedLink.
  --control NAME   an abstract unix socket: JSON over HTTP, GET /stats, POST /shape, /cut, /up, /plan
                   (curl --abstract-unix-socket NAME http://link/stats)
  --shape JSON     see emulated-link-protocol.ts (default no limits)
  --seed N         of jitter and loss (default 1)
It says "ready", and ends when its standard input does or with SIGTERM.`

const { values: flags } = parseArgs({
  options: {
    control: { type: 'string' },
    shape: { type: 'string', default: '{}' },
    seed: { type: 'string', default: '1' },
  },
})
if (flags.control === undefined) {
  console.error(usage)
  process.exit(2)
}

const descriptors: Record<Direction, { readonly from: number; readonly to: number }> = {
  down: { from: 3, to: 4 },
  up: { from: 4, to: 3 },
}
const longestPacket = 65_536

const link = createEmulatedLink({
  shape: emulatedShapeSchema.parse(JSON.parse(flags.shape)),
  random: seededRandom(Number(flags.seed)),
  now: () => performance.now(),
  hand(direction, packet) {
    try {
      writeSync(descriptors[direction].to, packet)
    } catch (error) {
      // The device is down, so the packet is lost, as behind a plug that was pulled.
      if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error
    }
  },
})

/** Each read is one packet; it blocks a thread of Node's pool until there is one. */
function carry(direction: Direction): void {
  const buffer = Buffer.alloc(longestPacket)
  const next = (): void =>
    read(descriptors[direction].from, buffer, 0, longestPacket, null, (error, length) => {
      if (error) throw error
      link.send(direction, Buffer.from(buffer.subarray(0, length)))
      next()
    })
  next()
}

/** The threads that wait for packets would keep an orderly exit waiting. */
function end(): void {
  process.kill(process.pid, 'SIGKILL')
}

setPriority(-10) // Its delays are those of the link, not of a machine that is busy.
process.once('SIGTERM', end)
process.once('uncaughtException', (error) => {
  console.error(error)
  end()
})
process.on('SIGINT', () => undefined)
process.stdin.resume().once('close', end)
await openJsonControl({
  listen: { path: `\0${flags.control}` },
  actions: {
    'GET /stats': () => undefined,
    'POST /shape': (body) => link.shape(emulatedShapeSchema.parse(body)),
    'POST /cut': (body) => link.cut(cutSchema.parse(body)),
    'POST /up': () => link.up(),
    'POST /plan': (body) => link.plan(cutPlanSchema.parse(body)),
  },
  answer: () => link.stats(),
})
carry('down')
carry('up')
console.log('ready')

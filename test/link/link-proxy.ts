import { parseArgs } from 'node:util'
import { openLink } from './link.ts'
import { openLinkControl } from './link-control.ts'
import { shapeSchema } from './link-protocol.ts'
import { seededRandom } from './seeded-random.ts'

const usage = `usage: node --conditions=source test/link/link-proxy.ts --upstream HOST:PORT [options]
  A TCP proxy that behaves like a thin link: limited, slow, cut. Without root.
  --listen HOST:PORT     where nodes connect (default 127.0.0.1:0, any free port)
  --control HOST:PORT    JSON over HTTP, see link-control.ts (default 127.0.0.1:0)
  --rate N               bytes per second, each direction (default no limit)
  --down-rate N, --up-rate N   towards the node, from the node
  --delay MS, --jitter MS      one way
  --seed N               of the jitter (default 1)
  --ends-with-stdin      ends when its standard input does, for a parent that may be killed
It prints one line of JSON with both addresses. SIGTERM ends it; SIGINT does not, so that Ctrl-C in a terminal reaches
the programs at its ends first.`

const { values: flags } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:0' },
    control: { type: 'string', default: '127.0.0.1:0' },
    upstream: { type: 'string' },
    rate: { type: 'string' },
    'down-rate': { type: 'string' },
    'up-rate': { type: 'string' },
    delay: { type: 'string', default: '0' },
    jitter: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    'ends-with-stdin': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (flags.help || flags.upstream === undefined) {
  console.error(usage)
  process.exit(flags.help ? 0 : 2)
}

await using link = await openLink({
  upstream: addressOf(flags.upstream),
  listen: addressOf(flags.listen),
  random: seededRandom(Number(flags.seed)),
  shape: shapeSchema.parse({
    downBytesPerSecond: rateOf(flags['down-rate'] ?? flags.rate),
    upBytesPerSecond: rateOf(flags['up-rate'] ?? flags.rate),
    delayMs: Number(flags.delay),
    jitterMs: Number(flags.jitter),
  }),
})
await using control = await openLinkControl(link, addressOf(flags.control))
console.log(JSON.stringify({ link: `http://${link.host}:${link.port}`, control: control.url }))

const end = Promise.withResolvers<void>()
process.on('SIGINT', () => undefined)
process.once('SIGTERM', () => end.resolve())
if (flags['ends-with-stdin']) process.stdin.resume().once('close', () => end.resolve())
await end.promise
process.stdin.destroy()

function addressOf(text: string): { host: string; port: number } {
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text) ?? []
  if (host === undefined || port === undefined) throw new Error(`"${text}" is not HOST:PORT`)
  return { host, port: Number(port) }
}

function rateOf(text: string | undefined): number | null {
  return text === undefined ? null : Number(text)
}

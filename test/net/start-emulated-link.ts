import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { createPrograms } from '../harness/programs.ts'
import type { Cut, CutMode, CutPlan } from '../link/link-protocol.ts'
import { askControl } from './ask-control.ts'
import {
  emulatedLinkStatsSchema,
  type EmulatedLinkStats,
  type EmulatedShape,
} from './emulator/emulated-link-protocol.ts'
import { interfaceBytes, type InterfaceBytes } from './interface-bytes.ts'
import type { Namespace } from './namespace.ts'

export interface EmulatedLinkOptions {
  /** The end that `up` leads to. */
  readonly centre: Namespace
  /** The end that `down` leads to; its default route goes over the link. */
  readonly node: Namespace
  /** Default: no limits and a queue of 256,000 bytes. */
  readonly shape?: EmulatedShape
  /** Of jitter and loss. Default: 1. */
  readonly seed?: number
  /** Of the network device in both namespaces; to be said where one namespace has several links. Default: `link0`. */
  readonly device?: string
  /** Default: 192.0.2.1 for the centre and 192.0.2.2 for the node; those of a second node must be said. */
  readonly addresses?: { readonly centre: string; readonly node: string }
}

/**
 * A link between two namespaces, with the TCP of the kernel at both ends. It runs as a process of its own, so that it
 * counts on whoever else is killed.
 */
export interface RunningEmulatedLink extends AsyncDisposable {
  readonly centreAddress: string
  readonly nodeAddress: string
  readonly pid: number
  /** See `EmulatedLinkStats` for what counts as what. */
  stats(): Promise<EmulatedLinkStats>
  /** Bytes on the node's network device as its kernel counts them, IP headers and all, since the link was started. */
  nodeBytes(): Promise<InterfaceBytes>
  shape(shape: EmulatedShape): Promise<EmulatedLinkStats>
  /**
   * `silence`: packets vanish, connections stay. `reset`: all connections end with RST on both sides at once, and new
   * ones are refused. Resolves when the link is cut; it is up again after `durationMs` or with `up`.
   */
  cut(mode: CutMode, options?: Omit<Cut, 'mode'>): Promise<EmulatedLinkStats>
  up(): Promise<EmulatedLinkStats>
  /** Cuts that come by themselves; replaces the plan before. `afterDownBytes` counts IP packets that arrive. */
  plan(plan: CutPlan): Promise<EmulatedLinkStats>
  close(): Promise<void>
}

const openTun = fileURLToPath(new URL('./open-tun.pl', import.meta.url))
const ipv6 = '/proc/sys/net/ipv6/conf'
const emulator = fileURLToPath(new URL('./emulator/link-emulator.ts', import.meta.url))

/** Starts a link between two namespaces; close it, or dispose. It ends also when this process is killed. */
export async function startEmulatedLink(options: EmulatedLinkOptions): Promise<RunningEmulatedLink> {
  const { centre, node, device = 'link0', shape = {}, seed = 1 } = options
  const { centre: centreAddress, node: nodeAddress } = options.addresses ?? { centre: '192.0.2.1', node: '192.0.2.2' }
  const programs = createPrograms()
  const control = `stowage-link-${node.name}-${device}`
  const ask = async (method: string, action: string, body?: object): Promise<EmulatedLinkStats> =>
    emulatedLinkStatsSchema.parse(await askControl(control, { method, action, ...(body ? { body } : {}) }))
  try {
    const flags = ['--control', control, '--shape', JSON.stringify(shape), '--seed', `${seed}`]
    // Outside again, or the emulator would be taken for one of the programs in the node's namespace.
    const outside = ['nsenter', `--net=/proc/${process.pid}/ns/net`, '--']
    const run = [...outside, process.execPath, '--conditions=source', emulator, ...flags]
    const [nsenter, ...into] = centre.launcher
    const args = [...into, openTun, device, '3', ...node.launcher, openTun, device, '4', ...run]
    const program = programs.start(nsenter, args, { name: 'link emulator' })
    await program.waitForLine(/^ready$/)
    await connect({ namespace: centre, device, address: centreAddress, peer: nodeAddress })
    await connect({ namespace: node, device, address: nodeAddress, peer: centreAddress })
    await execa('ip', ['-n', node.name, 'route', 'add', 'default', 'dev', device])
    return {
      centreAddress,
      nodeAddress,
      pid: program.pid,
      stats: () => ask('GET', 'stats'),
      nodeBytes: () => interfaceBytes(node, device),
      shape: (changes) => ask('POST', 'shape', changes),
      cut: (mode, cut = {}) => ask('POST', 'cut', { mode, ...cut }),
      up: () => ask('POST', 'up'),
      plan: (plan) => ask('POST', 'plan', plan),
      close: () => programs.stopAll(),
      [Symbol.asyncDispose]: () => programs.stopAll(),
    }
  } catch (error) {
    await programs.stopAll()
    throw error
  }
}

interface End {
  readonly namespace: Namespace
  readonly device: string
  readonly address: string
  readonly peer: string
}

async function connect({ namespace, device, address, peer }: End): Promise<void> {
  // The kernel's own words of IPv6 would be counted with those of the programs.
  await namespace.run('sh', ['-c', `f=${ipv6}/${device}/disable_ipv6; [ ! -e $f ] || echo 1 >$f`])
  await execa('ip', ['-n', namespace.name, 'address', 'add', address, 'peer', peer, 'dev', device])
  await execa('ip', ['-n', namespace.name, 'link', 'set', device, 'up'])
}

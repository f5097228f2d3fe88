import { createInterface } from 'node:readline'
import { longestHoldMs } from '@stowage/mirror/edge/paths'
import { createRegistryClient } from '@stowage/mirror/registry/registry-client'
import { openTransport } from '@stowage/mirror/registry/transport'
import { createCentreClient } from '@stowage/node-agent/centre/centre-client'
import { silentLog } from '@stowage/node-agent/testing/silent-log'
import { machinePlatform } from '../machine-platform.ts'
import { fleetOptionsSchema, fleetRequestSchema } from './fleet-messages.ts'
import { startFleet } from './fleet.ts'

const { central, ...options } = fleetOptionsSchema.parse(JSON.parse(process.argv[2] ?? ''))
const stop = new AbortController()
await using source = createRegistryClient({ registry: central })
await using transport = openTransport({ timeouts: { headersMs: longestHoldMs + 30_000 } })
const fleet = startFleet({
  ...options,
  source,
  // Each node has connections of its own, as many as it needs at a time.
  centreOf: () => createCentreClient({ central, transport }),
  platform: machinePlatform,
  random: Math.random,
  signal: stop.signal,
  log: silentLog,
})
console.log('fleet started')
const listening = async (): Promise<void> => {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, order } = fleetRequestSchema.parse(JSON.parse(line))
    console.log(JSON.stringify({ id, ...fleet.obey(order) }))
  }
}
await Promise.race([listening(), fleet.failed])
stop.abort(new Error('the fleet is dismissed'))

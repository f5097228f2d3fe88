import { expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import type { CallSettings, GrpcChannel } from './grpc-channel.ts'
import { createLeases } from './leases.ts'

const root = digestOf('an index')

interface Call {
  readonly method: string
  readonly request: object
  readonly settings: CallSettings | undefined
}

/** A containerd that answers whatever is asked with this, unless a lease is to be made that it has. */
function open(reply: object = {}, refusal?: Fault) {
  const calls: Call[] = []
  const channel: Pick<GrpcChannel, 'call'> = {
    async call<Reply>(method: string, request: object, settings?: CallSettings) {
      calls.push({ method, request, settings })
      if (refusal && method === 'Leases/Create') throw refusal
      return reply as Reply
    },
  }
  return { leases: createLeases(channel as GrpcChannel, 'overlayfs'), calls }
}

it.each([[root], [digestOf('an index', 'sha512')]])('is called by a name that containerd takes: %s', (digest) => {
  expect(open().leases.idOf(digest)).toMatch(/^stowage-[0-9a-f]{64}$/)
})

it('holds only what an earlier process did not hold yet', async () => {
  const { leases, calls } = open(
    { resources: [{ type: 'content', id: root }] },
    new Fault('conflict', 'it exists', { details: { grpc: 'ALREADY_EXISTS' } }),
  )
  const hold = await leases.hold(root)
  await hold.content(root)
  await hold.snapshot(root)
  expect(calls.filter(({ method }) => method === 'Leases/AddResource').map(({ request }) => request)).toEqual([
    { id: leases.idOf(root), resource: { type: 'snapshots/overlayfs', id: root } },
  ])
})

it('gives containerd time to take away what nobody holds any more', async () => {
  const { leases, calls } = open()
  await leases.release(root)
  await leases.clearAway()
  const [first, , last] = calls
  expect([first?.method, last?.method]).toEqual(['Leases/Delete', 'Leases/Delete'])
  for (const call of [first, last]) expect(call?.settings?.timeoutMs).toBeGreaterThan(5 * 60_000)
})

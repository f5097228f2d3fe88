import { hexOf, isDigest, type Digest } from '@stowage/mirror/oci/digest'
import { ifThere, unlessThere } from './containerd-fault.ts'
import { slowDisk, type GrpcChannel } from './grpc-channel.ts'

/**
 * Our holds on images that are not (or no more) held by a name: a lease for each root, without an end, as nobody knows
 * how long a link stays away. What is made or named under a lease stays until it is released.
 */
export interface Leases {
  /** What a lease for this root is called. */
  idOf(root: Digest): string
  /** Begins to hold, if it does not yet. */
  hold(root: Digest): Promise<Hold>
  /** Lets go of content that the snapshot made of it replaces. */
  letGoContent(root: Digest, digest: Digest): Promise<void>
  /** Ends a hold; what nothing else holds is gone when this resolves. */
  release(root: Digest): Promise<void>
  /** Resolves when containerd has cleared away what nobody holds any more. */
  clearAway(): Promise<void>
  /** Roots that are held. */
  held(): Promise<Digest[]>
}

/** The hold on one image. What it holds already is not held again: containerd would write and sync each time. */
export interface Hold {
  /** What its lease is called. */
  readonly lease: string
  /** Holds content, and all that its labels refer to. */
  content(digest: Digest): Promise<void>
  /** Holds a snapshot and those below it. */
  snapshot(chainId: Digest): Promise<void>
}

interface Resource {
  readonly id: string
  readonly type: string
}

interface Lease {
  readonly id: string
  readonly labels: Record<string, string>
}

const rootLabel = 'stowage.dev/root'
const clearingLease = 'stowage-clearing'

export function createLeases(channel: GrpcChannel, snapshotter: string): Leases {
  /** No longer than containerd takes (76), whatever the algorithm. */
  const idOf = (root: Digest): string => `stowage-${hexOf(root).slice(0, 64)}`

  async function resourcesOf(id: string): Promise<Resource[]> {
    return (await channel.call<{ resources: Resource[] }>('Leases/ListResources', { id })).resources
  }

  const wordOf = ({ type, id }: Resource): string => `${type} ${id}`

  return {
    idOf,

    async hold(root) {
      const id = idOf(root)
      const isNew = await unlessThere(channel.call('Leases/Create', { id, labels: { [rootLabel]: root } }))
      const held = new Set(isNew ? [] : (await resourcesOf(id)).map(wordOf))
      const add = async (resource: Resource): Promise<void> => {
        if (!held.has(wordOf(resource))) await channel.call('Leases/AddResource', { id, resource })
      }
      return {
        lease: id,
        content: (digest) => add({ type: 'content', id: digest }),
        snapshot: (chainId) => add({ type: `snapshots/${snapshotter}`, id: chainId }),
      }
    },

    async letGoContent(root, digest) {
      const resource = { type: 'content', id: digest }
      await ifThere(channel.call('Leases/DeleteResource', { id: idOf(root), resource }))
    },

    async release(root) {
      await ifThere(channel.call('Leases/Delete', { id: idOf(root), sync: true }, slowDisk))
    },

    async clearAway() {
      // A lease that ends is the only thing after which containerd says when it is done. This one is over when it begins.
      const labels = { 'containerd.io/gc.expire': new Date(0).toISOString() }
      await unlessThere(channel.call('Leases/Create', { id: clearingLease, labels }))
      await ifThere(channel.call('Leases/Delete', { id: clearingLease, sync: true }, slowDisk))
    },

    async held() {
      const { leases } = await channel.call<{ leases: Lease[] }>('Leases/List', {})
      return leases.flatMap(({ labels }) => {
        const root = labels[rootLabel]
        return root !== undefined && isDigest(root) ? [root] : []
      })
    },
  }
}

import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { ifThere, isAnswer, unlessThere } from './containerd-fault.ts'
import { slowDisk, type GrpcChannel } from './grpc-channel.ts'

export interface Mount {
  readonly type: string
  readonly source: string
  readonly target: string
  readonly options: readonly string[]
}

/** Unpacked layers, each on top of its parent, by the name of their chain. */
export interface Snapshots {
  /** Names of all that are whole. */
  all(): Promise<Set<string>>
  has(chainId: Digest): Promise<boolean>
  /** Begins one under a key, held by a lease; what an earlier process left half under it goes. */
  prepare(
    key: string,
    options: { readonly parent: Digest | undefined; readonly lease: string },
  ): Promise<readonly Mount[]>
  /** Unpacks a layer from the content store. Resolves with the digest of the plain tar. */
  apply(layer: Descriptor, mounts: readonly Mount[]): Promise<Digest>
  /** Makes what was begun a snapshot of this name, unless there is one. */
  commit(key: string, options: { readonly chainId: Digest; readonly lease: string }): Promise<void>
  /** Takes away what was begun. */
  drop(key: string): Promise<void>
}

interface Info {
  readonly name: string
  readonly kind: 'UNKNOWN' | 'VIEW' | 'ACTIVE' | 'COMMITTED'
}

export function createSnapshots(channel: GrpcChannel, snapshotter: string): Snapshots {
  async function drop(key: string): Promise<void> {
    await ifThere(channel.call('Snapshots/Remove', { snapshotter, key }, slowDisk))
  }

  return {
    drop,

    async all() {
      const names = new Set<string>()
      for await (const { info } of channel.stream<{ info: Info[] }>('Snapshots/List', { snapshotter })) {
        for (const { name, kind } of info) if (kind === 'COMMITTED') names.add(name)
      }
      return names
    },

    async has(chainId) {
      const reply = await ifThere(channel.call<{ info: Info }>('Snapshots/Stat', { snapshotter, key: chainId }))
      return reply?.info.kind === 'COMMITTED'
    },

    async prepare(key, { parent = '', lease }) {
      const metadata = { 'containerd-lease': lease }
      const begin = (): Promise<{ mounts: Mount[] }> =>
        channel.call('Snapshots/Prepare', { snapshotter, key, parent }, { metadata })
      try {
        return (await begin()).mounts
      } catch (error) {
        if (!isAnswer(error, 'ALREADY_EXISTS')) throw error
        await drop(key)
        return (await begin()).mounts
      }
    },

    async apply({ mediaType, digest, size }, mounts) {
      const diff = { mediaType, digest, size }
      // A large layer takes minutes on a small machine; if containerd dies meanwhile, the call ends.
      const settings = { timeoutMs: Infinity }
      const reply = await channel.call<{ applied: { digest: Digest } }>(
        'Diff/Apply',
        { diff, mounts, syncFs: true },
        settings,
      )
      return reply.applied.digest
    },

    async commit(key, { chainId, lease }) {
      const metadata = { 'containerd-lease': lease }
      const settings = { metadata, ...slowDisk }
      const isNew = await unlessThere(channel.call('Snapshots/Commit', { snapshotter, key, name: chainId }, settings))
      if (!isNew) await drop(key)
    },
  }
}

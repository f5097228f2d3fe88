import { openGrpcChannel } from '@stowage/node-agent/runtime/containerd/grpc-channel'
import type { Containerd } from './start-containerd.ts'

/** Looks at single things in the namespace of CRI, fast enough to catch what lasts for milliseconds. */
export interface ContainerdGlance extends Disposable {
  /** Of images. @throws Fault unavailable, at once, while containerd is away; so do the others */
  names(): Promise<readonly string[]>
  leases(): Promise<readonly string[]>
  snapshots(): Promise<Snapshots>
}

interface Snapshots {
  /** Names of whole ones. */
  readonly committed: readonly string[]
  /** Keys of half ones, and of those that containers write to. */
  readonly active: readonly string[]
}

export const snapshotter = 'overlayfs'

/** Opens a connection; it is made again when containerd comes back. */
export function openContainerdGlance({ files }: Pick<Containerd, 'files'>): ContainerdGlance {
  const channel = openGrpcChannel({ socket: files.socket, metadata: { 'containerd-namespace': 'k8s.io' } })
  return {
    async names() {
      const { images } = await channel.call<{ images: { name: string }[] }>('Images/List', {})
      return images.map(({ name }) => name)
    },
    async leases() {
      const { leases } = await channel.call<{ leases: { id: string }[] }>('Leases/List', {})
      return leases.map(({ id }) => id)
    },
    async snapshots() {
      const replies = channel.stream<{ info: { name: string; kind: string }[] }>('Snapshots/List', { snapshotter })
      const all = (await Array.fromAsync(replies)).flatMap(({ info }) => info)
      const ofKind = (wanted: string): string[] => all.flatMap(({ name, kind }) => (kind === wanted ? [name] : []))
      return { committed: ofKind('COMMITTED'), active: ofKind('ACTIVE') }
    },
    [Symbol.dispose]: () => channel[Symbol.dispose](),
  }
}

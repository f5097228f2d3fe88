import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { ifThere, unlessThere } from './containerd-fault.ts'
import type { GrpcChannel } from './grpc-channel.ts'
import { notPinned, pinLabel, pinned, type Labels } from './labels.ts'

/** A name in containerd and what it means. */
export interface ImageRecord {
  readonly name: string
  readonly target: Pick<Descriptor, 'mediaType' | 'digest' | 'size'>
  readonly labels: Labels
}

/** containerd's images: names for content. */
export interface ImageRecords {
  all(): Promise<ImageRecord[]>
  get(name: string): Promise<ImageRecord | undefined>
  /** Lets a name mean this, pinned or not; other labels that it has stay. */
  point(name: string, target: Descriptor, isPinned: boolean): Promise<void>
  setPinned(name: string, isPinned: boolean): Promise<void>
  delete(name: string): Promise<void>
}

export function createImageRecords(channel: GrpcChannel): ImageRecords {
  async function update(image: Partial<ImageRecord>, paths: readonly string[]): Promise<void> {
    await channel.call('Images/Update', { image, updateMask: { paths } })
  }

  async function get(name: string): Promise<ImageRecord | undefined> {
    const reply = await ifThere(channel.call<{ image: ImageRecord }>('Images/Get', { name }))
    return reply?.image
  }

  return {
    async all() {
      const { images } = await channel.call<{ images: (ImageRecord & { target: { digest: Digest } })[] }>(
        'Images/List',
        {},
      )
      return images
    },

    get,

    async point(name, { mediaType, digest, size }, isPinned) {
      const target = { mediaType, digest, size }
      const before = await get(name)
      if (before?.target.digest === digest && pinLabel in before.labels === isPinned) return
      if (
        await unlessThere(channel.call('Images/Create', { image: { name, target, labels: isPinned ? pinned : {} } }))
      ) {
        return
      }
      await update({ name, target, labels: isPinned ? pinned : notPinned }, ['target', `labels.${pinLabel}`])
    },

    async setPinned(name, isPinned) {
      const record = await get(name)
      if (!record || pinLabel in record.labels === isPinned) return
      await update({ ...record, labels: isPinned ? pinned : notPinned }, [`labels.${pinLabel}`])
    },

    async delete(name) {
      await ifThere(channel.call('Images/Delete', { name }))
    },
  }
}

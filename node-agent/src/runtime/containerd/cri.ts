import { setTimeout as delay } from 'node:timers/promises'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import type { GrpcChannel } from './grpc-channel.ts'
import type { UsedImage } from './in-use.ts'

/** What containerd's CRI plugin tells the kubelet. */
export interface Cri {
  /** What its containers, running or not, are made from. */
  usedImages(): Promise<UsedImage[]>
  /**
   * Resolves when it lists this image under this name: it learns of new names by events.
   * @throws Fault unavailable, if it does not within seconds
   */
  untilListed(name: string, imageId: Digest): Promise<void>
}

const longestWaitMs = 20_000
const askEveryMs = 20

export function createCri(channel: GrpcChannel): Cri {
  async function imageIdOf(name: string): Promise<string | undefined> {
    const reply = await channel.call<{ image: { id: string } | null }>('ImageService/ImageStatus', {
      image: { image: name },
    })
    return reply.image?.id
  }

  return {
    async usedImages() {
      const { containers } = await channel.call<{ containers: Container[] }>('RuntimeService/ListContainers', {})
      return containers.flatMap(({ image, imageRef, imageId }) =>
        [image?.image ?? '', imageRef, imageId].filter((word) => word !== ''),
      )
    },

    async untilListed(name, imageId) {
      const deadline = performance.now() + longestWaitMs
      while ((await imageIdOf(name)) !== imageId) {
        if (performance.now() > deadline) {
          throw new Fault('unavailable', `${name} is in containerd, but its CRI plugin does not list it`)
        }
        await delay(askEveryMs)
      }
    },
  }
}

interface Container {
  readonly image: { readonly image: string } | null
  readonly imageRef: string
  readonly imageId: string
}

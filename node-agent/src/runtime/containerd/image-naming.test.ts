import { expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import type { Content } from './content.ts'
import { createImageNaming, type ImageNaming } from './image-naming.ts'
import type { ImageRecord, ImageRecords } from './image-records.ts'
import type { ImageShapes } from './image-shape.ts'
import { markLabel, pinLabel, pinned, type Labels } from './labels.ts'
import type { Leases } from './leases.ts'

const root = digestOf('an index')
const [tag, byDigest] = ['r.example/app:v1', `r.example/app@${root}`]

it('takes names away although what they meant is collected at once', async () => {
  const { naming, names } = open([byDigest], { [markLabel('companion', byDigest)]: byDigest })
  await naming.dropOrphans()
  expect(names()).toEqual([])
})

it('leaves a name by digest alone, pin and all, that a set names besides the tag', async () => {
  const marks = { [markLabel('name', tag)]: tag, [markLabel('name', byDigest)]: byDigest }
  const { naming, names, isPinned } = open([tag, byDigest], { ...marks, [markLabel('companion', byDigest)]: byDigest })
  await naming.forget(tag)
  expect([isPinned(tag), isPinned(byDigest)]).toEqual([false, true])
  expect(await naming.remove(tag)).toBe('removed')
  expect(names()).toEqual([byDigest])
})

/** Names of one image in a containerd that collects garbage as soon as there is some. */
function open(initial: readonly string[], labels: Labels) {
  const target = { mediaType: mediaTypes.index, digest: root, size: 1 }
  const records = new Map(initial.map((name): [string, ImageRecord] => [name, { name, target, labels: pinned }]))
  const content: Pick<Content, 'all' | 'labelsOf' | 'label'> = {
    all: async () => new Map([[root, labels]]),
    labelsOf: async () => labels,
    async label(digest) {
      if (records.size === 0) throw new Fault('not-found', `${digest} is gone`, { details: { grpc: 'NOT_FOUND' } })
    },
  }
  const images: Pick<ImageRecords, 'all' | 'get' | 'setPinned' | 'delete'> = {
    all: async () => [...records.values()],
    get: async (name) => records.get(name),
    setPinned: async (name, isPinned) => void records.set(name, { name, target, labels: isPinned ? pinned : {} }),
    delete: async (name) => void records.delete(name),
  }
  const nothing = async (): Promise<void> => {}
  const leases: Pick<Leases, 'hold'> = { hold: async () => ({ lease: '', content: nothing, snapshot: nothing }) }
  const shapes: Pick<ImageShapes, 'of'> = { of: async () => undefined }
  const naming: ImageNaming = createImageNaming({
    content: content as Content,
    images: images as ImageRecords,
    leases: leases as Leases,
    shapes: shapes as ImageShapes,
    usedImages: async () => [],
  })
  return {
    naming,
    names: (): string[] => [...records.keys()],
    isPinned: (name: string): boolean => pinLabel in (records.get(name)?.labels ?? {}),
  }
}

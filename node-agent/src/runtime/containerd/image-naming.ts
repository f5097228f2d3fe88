import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import type { Hold } from '../runtime.ts'
import { ifThere } from './containerd-fault.ts'
import type { Content } from './content.ts'
import { digestNameOf, isCompanion, orphansOf, recordsToGo } from './image-names.ts'
import type { ImageRecord, ImageRecords } from './image-records.ts'
import type { ImageShapes } from './image-shape.ts'
import { isInUse, type UsedImage } from './in-use.ts'
import { isMarked, markLabel } from './labels.ts'
import type { Leases } from './leases.ts'

/** Gives names to images, marks them as ours, and takes them away. */
export interface ImageNaming {
  /** Lets a name mean this, marked, and pinned or not; what it meant before stays until it is collected. */
  point(name: string, root: ImageTarget, hold: Hold): Promise<void>
  /** @throws Fault conflict: there is no such name */
  adopt(name: string, hold: Hold): Promise<void>
  /** Takes mark and pin off a name. */
  forget(name: string): Promise<void>
  /** Takes a name away, and those that came with it; what they meant stays until it is collected. */
  remove(name: string): Promise<'removed' | 'in-use' | 'absent'>
  /** Takes away names by digest of what tags meant that have moved. */
  dropOrphans(): Promise<void>
}

type ImageTarget = Pick<Descriptor, 'mediaType' | 'digest' | 'size'>

export interface ImageNamingOptions {
  readonly content: Content
  readonly images: ImageRecords
  readonly leases: Leases
  readonly shapes: ImageShapes
  /** What containers are made from. */
  readonly usedImages: () => Promise<readonly UsedImage[]>
}

export function createImageNaming({ content, images, leases, shapes, usedImages }: ImageNamingOptions): ImageNaming {
  async function nameAndMark(name: string, root: ImageTarget, { pin }: Hold): Promise<void> {
    const byDigest = digestNameOf(name, root.digest)
    const before = await images.get(name)
    const labels = (await content.labelsOf(root.digest)) ?? {}
    // A name by digest that was there before the tag is somebody else's: it does not go with the tag. One that is there
    // beside a tag which is not ours yet came with it.
    const cameAlong = before?.target.digest === root.digest && !isMarked('name', name, labels)
    const isTheirs =
      byDigest !== undefined &&
      !isMarked('companion', byDigest, labels) &&
      !cameAlong &&
      (await images.get(byDigest)) !== undefined
    const companion = byDigest === undefined || isTheirs ? {} : { [markLabel('companion', byDigest)]: byDigest }
    // The marks come first: whatever a crash leaves can be told from others' names.
    await content.label(root.digest, { [markLabel('name', name)]: name, ...companion })
    if (byDigest && !isTheirs) await images.point(byDigest, root, pin)
    await images.point(name, root, pin)
  }

  async function holdNamed({ target }: ImageRecord): Promise<void> {
    const hold = await leases.hold(target.digest)
    await hold.content(target.digest)
  }

  async function unmark(names: readonly string[]): Promise<void> {
    const marks = (['name', 'companion'] as const).flatMap((mark) => names.map((name) => ({ mark, name })))
    const marked = await content.all(marks.map(({ mark, name }) => markLabel(mark, name)))
    for (const [digest, labels] of marked) {
      const found = marks.filter(({ mark, name }) => isMarked(mark, name, labels))
      const noMarks = Object.fromEntries(found.map(({ mark, name }) => [markLabel(mark, name), '']))
      // What no name means any more may be collected by now.
      await ifThere(content.label(digest, noMarks))
    }
  }

  async function isUsed({ target }: ImageRecord, records: readonly ImageRecord[]): Promise<boolean> {
    const shape = await shapes.of(target)
    return isInUse({ root: target.digest, config: shape?.config }, await usedImages(), records)
  }

  /** The name that all of this was about last: until then all of it is done again after a crash. */
  async function take(names: readonly string[]): Promise<void> {
    for (const name of names.toReversed()) await images.delete(name)
    await unmark(names)
  }

  async function labelsOf(digest: Digest) {
    return (await content.labelsOf(digest)) ?? {}
  }

  return {
    async point(name, root, hold) {
      const before = await images.get(name)
      if (before && before.target.digest !== root.digest) await holdNamed(before)
      await nameAndMark(name, root, hold)
    },

    async adopt(name, hold) {
      const record = await images.get(name)
      if (!record) throw new Fault('conflict', `${name} is gone from containerd again`)
      await nameAndMark(name, record.target, hold)
    },

    async forget(name) {
      const record = await images.get(name)
      const byDigest = record && digestNameOf(name, record.target.digest)
      const isOurs = byDigest !== undefined && isCompanion(byDigest, await labelsOf(record!.target.digest))
      for (const one of isOurs ? [name, byDigest] : [name]) await images.setPinned(one, false)
      // What came with the name still goes with it, whoever takes it away.
      await unmark([name])
    },

    async remove(name) {
      const records = await images.all()
      const record = records.find((one) => one.name === name)
      if (!record) {
        await unmark([name])
        return 'absent'
      }
      const going = recordsToGo(record, { records, labels: await labelsOf(record.target.digest) })
      if (await isUsed(record, records)) {
        for (const one of going) await images.setPinned(one, false)
        return 'in-use'
      }
      await holdNamed(record)
      await take(going)
      return 'removed'
    },

    async dropOrphans() {
      const [records, all] = await Promise.all([images.all(), content.all()])
      for (const [digest, same] of Map.groupBy(records, ({ target }) => target.digest)) {
        const known = { records: same, labels: all.get(digest) ?? {} }
        for (const orphan of orphansOf(digest, known)) {
          if (!(await isUsed(orphan, same))) await take(recordsToGo(orphan, known))
        }
      }
    },
  }
}

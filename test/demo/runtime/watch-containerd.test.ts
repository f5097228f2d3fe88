import { createReadStream } from 'node:fs'
import { appendFile, glob, rm } from 'node:fs/promises'
import path from 'node:path'
import { isDigest } from '@stowage/mirror/oci/digest'
import { expect, it } from 'vitest'
import { containerdReleases } from '../../harness/containerd/containerd-release.ts'
import { importLayout } from '../../harness/containerd/import-layout.ts'
import { startContainerd, type Containerd } from '../../harness/containerd/start-containerd.ts'
import { eventually } from '../../harness/eventually.ts'
import { openJourney } from '../../harness/journey.ts'
import { machinePlatform } from '../../harness/machine-platform.ts'
import { requirePart } from '../../harness/require-part.ts'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { smallImage } from '../../image-maker/small-image.ts'
import type { WishedImage } from '../demo-source.ts'
import { createContentReader } from './image-content.ts'
import { watchContainerd } from './watch-containerd.ts'

const name = 'registry.example/app:v1'

for (const release of containerdReleases) {
  requirePart(release)(`what is looked at in ${release}`, () => {
    it.each([
      ['all as it must be', async () => undefined, undefined],
      [
        'a file with a byte more',
        (c) => appendFile(c.file, 'x'),
        /unpacked otherwise: data\/small-1\.bin is file .*, but/,
      ],
      ['a file that is lost', (c) => rm(c.file), /unpacked otherwise: data\/small-1\.bin is not there/],
      ['a file of somebody else', (c) => appendFile(`${c.file}.x`, ''), /small-1\.bin\.x .* is in no layer/],
      ['a name that means another image', dropCompanion, /should be sha256:/],
    ] as [string, (case_: Case) => Promise<unknown>, RegExp | undefined][])('is %s', async (_, spoil, failure) => {
      await using journey = await openJourney()
      await using containerd = await startContainerd({ directory: journey.at('c'), release })
      const layout = await createOciLayout(journey.at('layout'))
      const { manifest } = await smallImage(layout, { name, platform: machinePlatform })
      await importLayout(containerd, layout, [name])
      const companion = `registry.example/app@${manifest.digest}`
      await containerd.ctr('images', 'tag', name, companion)
      await eventually(() => containerd.cri.imageStatus(companion), { what: `${companion} in CRI's list` })
      const reader = createContentReader((_image, _kind, digest) => {
        if (!isDigest(digest)) throw new Error(`${digest} is no digest`)
        return createReadStream(layout.blobPath(digest))
      })
      const image: WishedImage = {
        reference: name,
        label: name,
        expected: { name, root: manifest.digest, ...machinePlatform },
      }
      await spoil({ ...containerd, companion, file: await unpackedFile(containerd) })

      const options = { contentOf: () => reader.read(image.expected), signal: AbortSignal.timeout(60_000) }
      await using watch = watchContainerd(containerd, options)
      if (failure) return expect(watch.have([image])).rejects.toThrow(failure)
      expect(await watch.have([image])).toBe(true)
      expect(await watch.names()).toEqual([name])
      expect(await watch.strays()).not.toContain(expect.stringMatching(/^lease|mount/))
    })
  })
}

interface Case extends Containerd {
  readonly companion: string
  /** Of a layer in the middle, as it lies on the disk. */
  readonly file: string
}

async function dropCompanion(containerd: Case): Promise<void> {
  const { companion, cri } = containerd
  await containerd.ctr('images', 'rm', companion)
  await eventually(async () => (await cri.imageStatus(companion)) === undefined, { what: `${companion} gone from CRI` })
}

async function unpackedFile({ files }: Containerd): Promise<string> {
  const snapshots = path.join(files.root, 'io.containerd.snapshotter.v1.overlayfs/snapshots')
  const [file] = await Array.fromAsync(glob(path.join(snapshots, '*/fs/data/small-1.bin')))
  return file!
}

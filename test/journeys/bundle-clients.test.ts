import { execa } from 'execa'
import { expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import { startContainerd } from '../harness/containerd/start-containerd.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { cacheFlags, openLand } from '../harness/land.ts'
import { requirePart } from '../harness/require-part.ts'
import type { PushedImage } from '../harness/source-registry.ts'

/** A bundle of two images, each with one of its two platforms. */
async function makeBundle(journey: Journey): Promise<{ file: string; images: PushedImage[] }> {
  await using land = await openLand(journey)
  const images = [await land.push('app:v1', [90_000, 40_000]), await land.push('tools:v1', [90_000, 3_000])]
  await writeImageCache(land.centre.caches, { name: 'shop', images: images.map(({ reference }) => reference) })
  const file = journey.at('shop.tar')
  await eventually(async () => (await land.export(file, ...cacheFlags('shop'))).code === 0, { withinMs: 20_000 })
  return { file, images }
}

requirePart('skopeo')('skopeo', () => {
  it('reads every image of a bundle', async () => {
    await using journey = await openJourney()
    const { file, images } = await makeBundle(journey)
    for (const [at, { reference, expected }] of images.entries()) {
      const archive = `oci-archive:${file}:${reference}`
      const { stdout } = await execa('skopeo', ['inspect', archive])
      expect(JSON.parse(stdout)).toMatchObject({ Os: expected.os, Architecture: expected.architecture })
      const raw = await execa('skopeo', ['inspect', '--raw', archive], { stripFinalNewline: false })
      expect(digestOf(raw.stdout)).toBe(expected.root)
      await execa('skopeo', ['copy', archive, `dir:${journey.at(`copied-${at}`)}`])
    }
  })
})

requirePart('containerd')('containerd', () => {
  it('imports and unpacks a bundle under the names it has', async () => {
    await using journey = await openJourney()
    const { file, images } = await makeBundle(journey)
    await using containerd = await startContainerd({ directory: journey.at('containerd') })
    await containerd.ctr('images', 'import', file)
    for (const { reference, expected } of images) {
      expect(await containerd.ctr('images', 'list', `name==${reference}`)).toContain(expected.root)
      const check = await containerd.ctr('images', 'check', `name==${reference}`)
      expect(check).toMatch(/complete \((\d+)\/\1\).*true/)
    }
  })
})

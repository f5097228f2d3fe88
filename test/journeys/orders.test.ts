import { writeFile } from 'node:fs/promises'
import { fsckOperation } from '@stowage/mirror/store/fsck/fsck-operation'
import { scrubOperation } from '@stowage/mirror/store/scrub/scrub-operation'
import { flipByte } from '@stowage/mirror/testing/flip-byte'
import { expect, it } from 'vitest'
import { startMirror } from '../clients/start-mirror.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { untilHeld } from '../harness/node-files.ts'
import { openSite } from '../harness/site.ts'
import { runStowage } from '../harness/stowage.ts'

/** What makes a process take orders, and what gives it some. */
async function operatorToken(journey: Journey) {
  const file = journey.at('token')
  await writeFile(file, 'x'.repeat(32))
  const order = (url: string, verb: string, ...flags: readonly string[]) =>
    runStowage(['mirror', verb, '--mirror', url, '--mirror-token-file', file, ...flags])
  return { flags: ['--operator-token-file', file], order }
}

it('lets operators find what the disk of a centre damaged, and copies it again from where it came', async (test) => {
  await using journey = await openJourney(test)
  const { flags, order } = await operatorToken(journey)
  await using site = await openSite(journey, { centre: { flags: [...flags, '--scrub-rate', 'off'] } })
  const { works, source, centre, agent } = site
  const image = await works.make({ seed: 'damaged' })
  const pushed = await works.push(image, source, 'app:v1')
  await writeImageCache(centre.caches, { name: 'shop', images: [pushed.reference] })
  await untilHeld(agent.layout, [pushed])
  expect(await order(centre.url, 'fsck', '--read-data')).toMatchObject({ code: 0 })

  const layer = image.layers[0]!.digest
  await flipByte(centre.data, layer)
  const looked = await order(centre.url, 'fsck', '--read-data', '-o', 'json')
  expect(looked.code).toBe(1)
  expect(fsckOperation.result.parse(JSON.parse(looked.stdout)).faults).toMatchObject([
    { kind: 'blob-damaged', digest: layer, isRepaired: false },
  ])
  const scrubbed = await order(centre.url, 'scrub', '--rate', 'off', '-o', 'json')
  expect(scrubOperation.result.parse(JSON.parse(scrubbed.stdout)).troubles).toMatchObject([
    { kind: 'damaged', digest: layer, isSettled: true },
  ])
  expect(scrubbed.code).toBe(0)
  const sound = await order(centre.url, 'fsck', '--read-data')
  expect([sound.code, sound.stdout]).toEqual([0, expect.stringMatching(/^faults +0$/m)])
})

it('lets who has the token of operators order a mirror, and read nothing of it', async (test) => {
  await using journey = await openJourney(test)
  const { flags, order } = await operatorToken(journey)
  await using mirror = await startMirror(journey.directory, ...flags)
  for (const verb of ['gc', 'scrub', 'fsck']) expect(await order(mirror.url, verb)).toMatchObject({ code: 0 })
  const listed = await order(mirror.url, 'ls')
  expect(listed).toMatchObject({ code: 1, stdout: '' })
  expect(listed.stderr).toMatch(/^stowage: mirror .*does not serve its objects.*--objects-token-file.*$/)
  const copied = await order(mirror.url, 'copy', 'mirror:app:v1', `oci:${journey.at('layout')}`)
  expect(copied.stderr).toBe(listed.stderr)
})

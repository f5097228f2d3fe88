import { expect, it } from 'vitest'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { openSite } from '../harness/site.ts'
import { askCentre } from '../harness/stowage-get.ts'
import { runStowage } from '../harness/stowage.ts'
import { withService } from './with-bucket.ts'

requirePart('versitygw', 'docker-registry')('a centre that keeps everything in a bucket', () => {
  const service = withService()

  it('brings images to a node, keeps another one out, and knows after it was killed what it knew before', async () => {
    await using journey = await openJourney()
    const { bucket, endpoint, env } = service()
    const flags = ['--data', `s3://${bucket}/centre`, '--s3-endpoint', endpoint]
    await using site = await openSite(journey, { centre: { flags, env } })
    const { centre, agent } = site
    const other = await runStowage(['up', '--caches', journey.at('none'), '--listen', '127.0.0.1:0', ...flags], { env })
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringMatching(/centre: another centre uses it, process \d+ on/),
    ])
    const first = await site.push('first')
    await writeImageCache(centre.caches, { name: 'shop', images: [first.reference] })
    await untilHeld(agent.layout, [first])
    await centre.kill()
    await centre.start()
    const second = await site.push('second')
    await writeImageCache(centre.caches, { name: 'shop', images: [first.reference, second.reference] })
    await untilHeld(agent.layout, [first, second])
    const states = async () => (await askCentre('images', centre.url)).map(({ state }) => state)
    await expect.poll(states).toEqual(['present', 'present'])
  })
})

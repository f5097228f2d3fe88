import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { sourceViewSchema } from '@stowage/controller/operator-api/views'
import type { Centre } from '../harness/centre.ts'
import { eventually } from '../harness/eventually.ts'
import { imageCacheYaml, writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { holds, untilGone, untilHeld } from '../harness/node-files.ts'
import { untilPresent } from '../harness/said-of-image.ts'
import { openSite } from '../harness/site.ts'
import { askCentre, stowageGet } from '../harness/stowage-get.ts'

async function untilSource(centre: Centre, condition: 'ready' | 'held' | 'unreadable'): Promise<string> {
  return eventually(
    async () => {
      const answer = await fetch(`${centre.url}/api/v1/source`)
      const view = sourceViewSchema.parse(await answer.json())
      return view.condition === condition && `${view.message} `
    },
    { what: `wishes ${condition}`, withinMs: 20_000 },
  )
}

/** What a node was told, and has read. */
async function assignmentOf({ url }: Centre): Promise<string> {
  const [node] = await askCentre('nodes', url)
  expect(node?.acknowledged).toBe(node?.assignment)
  return node?.assignment ?? ''
}

describe('a directory of wishes that cannot be believed', () => {
  it('changes nothing while it is gone, nor when the centre starts without it', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { centre, agent } = site
    const image = await site.push('app')
    const spec = { deletionPolicy: 'Purge' }
    await writeImageCache(centre.caches, { name: 'shop', images: [image.reference], spec })
    await untilHeld(agent.layout, [image])
    await untilPresent(centre, image)
    const assignment = await assignmentOf(centre)

    await rename(centre.caches, `${centre.caches}.away`)
    expect(await untilSource(centre, 'unreadable')).toContain('the wishes read before stay in force')
    await centre.kill()
    await centre.start()
    await untilSource(centre, 'unreadable')
    await untilContact(centre)
    expect(await assignmentOf(centre)).toBe(assignment)
    await holds(agent.layout, [image])
    expect(await stowageGet('caches', centre.url)).toMatchObject([{ name: 'shop', status: 'Succeeded' }])

    await writeFile(centre.caches, 'a file in its place')
    await untilSource(centre, 'unreadable')
    await rename(`${centre.caches}`, `${centre.caches}.file`)
    await rename(`${centre.caches}.away`, centre.caches)
    await untilSource(centre, 'ready')
    await holds(agent.layout, [image])
    expect(await assignmentOf(centre)).toBe(assignment)
  })

  it('changes nothing when all its files are gone at once', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { centre, agent } = site
    const [one, two] = [await site.push('one'), await site.push('two')]
    const spec = { deletionPolicy: 'Purge' }
    // In one file, because a busy machine sees two files go one after the other.
    const both = path.join(centre.caches, 'both.yaml')
    const caches = [
      { name: 'one', images: [one.reference], spec },
      { name: 'two', images: [two.reference], spec },
    ]
    await writeFile(`${both}.new`, caches.map(imageCacheYaml).join('---\n'))
    await rename(`${both}.new`, both)
    await untilHeld(agent.layout, [one, two])
    await rm(both)
    expect(await untilSource(centre, 'held')).toContain('all 2 ImageCaches are gone at once')
    await untilContact(centre)
    await holds(agent.layout, [one, two])

    await writeImageCache(centre.caches, { name: 'two', images: [two.reference], spec })
    await untilGone(agent.layout, one)
    await holds(agent.layout, [two])
  })
})

/** Resolves when the node was heard of again: whatever it was told by now, it has read. */
async function untilContact({ url }: Centre): Promise<void> {
  const lastContact = async (): Promise<string | null | undefined> => (await askCentre('nodes', url))[0]?.lastContact
  const before = await lastContact()
  await eventually(async () => (await lastContact()) !== before, { what: 'a contact', withinMs: 20_000 })
}

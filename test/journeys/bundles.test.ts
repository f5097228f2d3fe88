import { createWriteStream } from 'node:fs'
import { copyFile, glob, mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import { startAgent } from '../harness/agent.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { createIsland } from '../harness/island.ts'
import { openJourney } from '../harness/journey.ts'
import { cacheFlags, imageFlags, openLand } from '../harness/land.ts'
import { otherPlatform } from '../harness/machine-platform.ts'
import { holds, untilGone, untilHeld } from '../harness/node-files.ts'
import { spawnStowage, stowageCommand } from '../harness/stowage.ts'
import { hasBlob, namesInLayout } from '../harness/verify-layout.ts'

/** What a layout's index.json leads to, by name. */
async function namesAndDigests(layout: string): Promise<Record<string, string>> {
  const text = await readFile(path.join(layout, 'index.json'), 'utf8')
  const { manifests } = JSON.parse(text) as { manifests: { digest: string; annotations?: Record<string, string> }[] }
  const named = manifests.flatMap(({ digest, annotations }) => {
    const name = annotations?.['org.opencontainers.image.ref.name']
    return name === undefined ? [] : [[name, digest]]
  })
  return Object.fromEntries(named) as Record<string, string>
}

describe('a bundle', () => {
  it('gives a node without a link what others get online', async () => {
    await using journey = await openJourney()
    await using land = await openLand(journey)
    const { centre } = land
    const images = [await land.push('app:v1', [90_000, 40_000]), await land.push('tools:v1', [90_000, 3_000])]
    const references = images.map(({ reference }) => reference)
    await writeImageCache(centre.caches, { name: 'shop', images: references })
    await using online = await startAgent({ directory: journey.at('online'), central: centre.url })
    await untilHeld(online.layout, images)

    const file = journey.at('shop.tar')
    expect(await land.export(file, '--cache', 'default/shop')).toMatchObject({ code: 0, stdout: '' })
    const offline = createIsland(journey.at('island'))
    expect(await offline.import(file)).toMatchObject({ code: 0 })
    await holds(offline.layout, images)
    expect(await namesAndDigests(offline.layout)).toEqual(await namesAndDigests(online.layout))
    const [other] = (await land.works.make({ seed: 'other app:v1', platform: otherPlatform })).layers
    expect(await hasBlob(offline.layout, other!.digest)).toBe(false)

    // Once more: there is nothing left to do.
    expect(await offline.import(file)).toMatchObject({ code: 0 })
    await holds(offline.layout, images)

    // The site gets a link after all: its agent goes on with what was imported.
    await using agent = await startAgent({ directory: offline.directory, central: centre.url, node: 'island' })
    await writeImageCache(centre.caches, { name: 'shop', images: references.slice(0, 1) })
    await untilGone(agent.layout, images[1]!)
    await holds(agent.layout, images.slice(0, 1))
  })

  it('is written without a node, of images that no cache names, and waits until the mirror has them', async () => {
    await using journey = await openJourney()
    await using land = await openLand(journey)
    const image = await land.push('app:v1', [90_000])
    const file = journey.at('app.tar')
    const exported = await land.export(file, ...imageFlags(image.reference))
    expect(exported).toMatchObject({ code: 0 })
    expect(exported.stderr).toMatch(/1 images for linux\//)
    const offline = createIsland(journey.at('island'))
    expect(await offline.import(file)).toMatchObject({ code: 0 })
    await holds(offline.layout, [image])
  })

  it('takes along what another bundle has, its wishes and files too, for the wanted platforms', async () => {
    await using journey = await openJourney()
    await using land = await openLand(journey)
    const [app, tools] = [await land.push('app:v1', [90_000]), await land.push('tools:v1', [4_000])]
    await writeImageCache(land.centre.caches, { name: 'tools', images: [tools.reference] })
    const [other, both] = [journey.at('other.tar'), journey.at('both.tar')]
    await eventually(async () => (await land.export(other, ...cacheFlags('tools'))).code === 0, { withinMs: 20_000 })
    await mkdir(journey.at('more', 'stowage'), { recursive: true })
    await writeFile(journey.at('more', 'stowage', 'read-me'), 'words')
    await execa('tar', ['--append', '--file', other, '--directory', journey.at('more'), 'stowage/read-me'])
    const flags = [...imageFlags(app.reference), '--with', other, '--with', other]
    expect((await land.export(both, ...flags)).stderr).toMatch(/2 images for linux\//)
    const carried = async (name: string): Promise<string> =>
      (await execa('tar', ['--extract', '--to-stdout', '--file', both, `stowage/${name}`])).stdout
    expect(await carried('read-me')).toBe('words')
    expect(JSON.parse(await carried('bundle.json'))).toMatchObject({ entries: [{ cache: { name: 'tools' } }] })

    const island = createIsland(journey.at('island'))
    expect(await island.import(both)).toMatchObject({ code: 0 })
    await holds(island.layout, [app, tools])
  })

  it('goes through a pipe', async () => {
    await using journey = await openJourney()
    await using land = await openLand(journey)
    const image = await land.push('app:v1', [900_000, 40_000])
    await writeImageCache(land.centre.caches, { name: 'shop', images: [image.reference] })
    await eventually(async () => (await land.export(journey.at('shop.tar'), ...cacheFlags('shop'))).code === 0)
    const flags = [...cacheFlags('shop'), '--central', land.centre.url, '-o', '-']
    const { command, args } = stowageCommand(['bundle', 'export', ...flags])
    const piped = execa(command, args, { buffer: { stdout: false } })
    piped.stdout.pipe(createWriteStream(journey.at('piped.tar')))
    await piped
    expect(digestOf(await readFile(journey.at('piped.tar')))).toBe(digestOf(await readFile(journey.at('shop.tar'))))
    const offline = createIsland(journey.at('island'))
    expect(await offline.import(journey.at('piped.tar'))).toMatchObject({ code: 0 })
    await holds(offline.layout, [image])
  })

  it('brings version 2, and what its cache names no more leaves; other caches keep theirs', async () => {
    await using journey = await openJourney()
    await using land = await openLand(journey)
    const { centre } = land
    const other = await land.push('other:v1', [4_000])
    const [v1, v2] = [await land.push('app:v1', [90_000, 4_000]), await land.push('app:v2', [90_000, 5_000])]
    await writeImageCache(centre.caches, { name: 'other', images: [other.reference] })
    await writeImageCache(centre.caches, { name: 'shop', images: [v1.reference] })
    const offline = createIsland(journey.at('island'))
    await carry('first', { caches: ['other', 'shop'], names: [other.reference, v1.reference] })
    await holds(offline.layout, [other, v1])

    await writeImageCache(centre.caches, { name: 'shop', images: [v2.reference] })
    await carry('second', { caches: ['shop'], names: [v2.reference] })
    await holds(offline.layout, [other, v2])
    expect(await namesInLayout(offline.layout)).not.toContain(v1.reference)

    /** Exports as soon as the centre has read that caches hold these names, and imports. */
    async function carry(name: string, { caches, names }: { caches: string[]; names: string[] }): Promise<void> {
      const file = journey.at(`${name}.tar`)
      await eventually(
        async () => {
          expect(await land.export(file, ...caches.flatMap(cacheFlags))).toMatchObject({ code: 0 })
          const { stdout: index } = await execa('tar', ['-xOf', file, 'index.json'])
          return names.every((reference) => index.includes(reference))
        },
        { what: `a bundle of ${names.join(', ')}`, withinMs: 20_000 },
      )
      expect(await offline.import(file)).toMatchObject({ code: 0 })
    }
  })

  it('is not imported beside a running agent', async () => {
    await using journey = await openJourney()
    await using land = await openLand(journey)
    const [image, more] = [await land.push('app:v1', [90_000]), await land.push('more:v1', [4_000])]
    const file = journey.at('more.tar')
    expect(await land.export(file, ...imageFlags(more.reference))).toMatchObject({ code: 0 })
    await writeImageCache(land.centre.caches, { name: 'shop', images: [image.reference] })
    await using agent = await startAgent({ directory: journey.at('node'), central: land.centre.url })
    await untilHeld(agent.layout, [image])

    const refused = await createIsland(journey.at('node')).import(file)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/in use by another Stowage process; stop/)
    expect(await namesInLayout(agent.layout)).toEqual([image.reference])
    expect(agent.isRunning()).toBe(true)
  })

  it('is imported anew after a SIGKILL, and names nothing before it is whole', async () => {
    await using journey = await openJourney()
    await using land = await openLand(journey)
    const before = await land.push('before:v1', [4_000])
    const image = await land.push('app:v1', [15_000_000, 10_000_000, 5_000_000])
    const small = journey.at('small.tar')
    const large = journey.at('large.tar')
    expect(await land.export(small, ...imageFlags(before.reference))).toMatchObject({ code: 0 })
    expect(await land.export(large, ...imageFlags(image.reference))).toMatchObject({ code: 0 })
    const offline = createIsland(journey.at('island'))
    expect(await offline.import(small)).toMatchObject({ code: 0 })

    let kills = 0
    for (const grownBy of [1_000_000, 20_000_000]) {
      const importing = spawnStowage(offline.importArgs(large), { outputFile: journey.at('import.log') })
      const grown = async (): Promise<boolean> => (await sizeOfTree(offline.directory)) > grownBy
      await eventually(async () => !importing.isRunning() || (await grown()), { everyMs: 5, withinMs: 30_000 })
      if ((await importing.kill()).signal === 'SIGKILL') kills += 1
      const names = await namesInLayout(offline.layout)
      await holds(offline.layout, names.includes(image.reference) ? [before, image] : [before])
    }
    expect(kills).toBeGreaterThan(0)
    expect(await offline.import(large)).toMatchObject({ code: 0 })
    await holds(offline.layout, [before, image])
  })

  it('that is cut off, or is none, is refused and changes nothing', async () => {
    await using journey = await openJourney()
    await using land = await openLand(journey)
    const before = await land.push('before:v1', [4_000])
    const image = await land.push('app:v1', [900_000])
    const small = journey.at('small.tar')
    const whole = journey.at('whole.tar')
    expect(await land.export(small, ...imageFlags(before.reference))).toMatchObject({ code: 0 })
    expect(await land.export(whole, ...imageFlags(image.reference))).toMatchObject({ code: 0 })
    const offline = createIsland(journey.at('island'))
    expect(await offline.import(small)).toMatchObject({ code: 0 })
    const index = await readFile(path.join(offline.layout, 'index.json'), 'utf8')

    const { size } = await stat(whole)
    const cut = journey.at('cut.tar')
    for (const length of [0, 100, 500_000, size - 1024 - 512, size - 1024]) {
      await copyFile(whole, cut)
      await truncate(cut, length)
      const refused = await offline.import(cut)
      expect(refused.code, `${length} bytes: ${refused.stderr}`).toBeGreaterThan(0)
      expect(refused.stderr).toContain('cut.tar')
      expect(refused.stderr).toMatch(/cut off|empty/)
      expect(refused.stderr).not.toContain('bug')
      expect(await readFile(path.join(offline.layout, 'index.json'), 'utf8')).toBe(index)
    }
    const noTar = await offline.import(path.join(offline.layout, 'oci-layout'))
    expect(noTar.code).toBeGreaterThan(0)
    expect(noTar.stderr).not.toContain('bug')
    expect(await offline.import(journey.at('nowhere.tar'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no such file') as string,
    })
    await holds(offline.layout, [before])
    expect(await offline.import(whole)).toMatchObject({ code: 0 })
    await holds(offline.layout, [before, image])
  })

  it('is not written when something in it cannot be had, and leaves nothing half behind', async () => {
    await using journey = await openJourney()
    await using land = await openLand(journey)
    const image = await land.push('app:v1', [4_000])
    const absent = image.reference.replace('app:v1', 'absent:v1')
    const file = journey.at('out', 'shop.tar')
    await mkdir(path.dirname(file))
    const refused = await land.export(file, ...imageFlags(image.reference, absent))
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('the mirror cannot get everything')
    expect(refused.stderr).toContain(absent)
    await expect(stat(file)).rejects.toThrow('ENOENT')
    await expect(stat(`${file}.partial`)).rejects.toThrow('ENOENT')
    const unknown = await land.export(file, '--cache', 'default/nothing')
    expect(unknown.code).toBe(1)
    expect(unknown.stderr).toContain('default/nothing')
  })
})

/** Bytes of all files below a directory, some of which may go while it is looked at. */
async function sizeOfTree(directory: string): Promise<number> {
  let size = 0
  for await (const file of glob('**', { cwd: directory })) {
    size += await stat(path.join(directory, file)).then(
      (facts) => (facts.isFile() ? facts.size : 0),
      () => 0,
    )
  }
  return size
}

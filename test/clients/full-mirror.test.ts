import { access, glob, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { mountSmallDisk } from '../harness/small-disk.ts'
import { openImageWorks, startSourceRegistry } from '../harness/source-registry.ts'
import type { MadeImage } from '../image-maker/make-image.ts'
import { digestAt } from './client-images.ts'
import { startPullingMirror, vendor } from './pulling-mirror.ts'

const mebibyte = 1024 * 1024
/** What a mirror leaves of its disk to small objects. */
const reserve = 32 * mebibyte

/** A registry with images of one layer each, tagged `v1`. */
async function openVendor(journey: Journey, sizes: Readonly<Record<string, number>>) {
  await using stack = new AsyncDisposableStack()
  const registry = stack.use(await startSourceRegistry({ directory: journey.at('vendor') }))
  const works = await openImageWorks(journey.at('made'))
  const images: Record<string, MadeImage> = {}
  for (const [name, size] of Object.entries(sizes)) {
    images[name] = await works.make({ seed: name, layerSizes: [size] })
    await works.push(images[name], registry, `${name}:v1`)
  }
  const opened = stack.move()
  return { registry, works, images, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** Pulls by skopeo into a layout of its own; says what it says if that fails. */
async function pull(journey: Journey, host: string, name: string): Promise<string> {
  const from = `docker://${host}/${vendor}/${name}:v1`
  const args = ['copy', '--src-tls-verify=false', '--retry-times=0', from, `oci:${journey.at(`${name}-copy`)}:v1`]
  const { exitCode, stderr } = await execa('skopeo', args, { reject: false })
  return exitCode === 0 ? 'pulled' : stderr
}

const blobFile = (journey: Journey, digest: string): string =>
  journey.at('mirror', 'data', 'blobs', ...digest.split(':'))
const isThere = async (file: string): Promise<boolean> =>
  await access(file).then(
    () => true,
    () => false,
  )

requirePart('root', 'skopeo')('a mirror', () => {
  describe('whose disk is full', () => {
    it('refuses new content, serves what is there, passes on what it fetches, and takes up uploads when there is room', async () => {
      await using journey = await openJourney()
      await using source = await openVendor(journey, { small: 2 * mebibyte, large: 30 * mebibyte })
      await using disk = await mountSmallDisk(journey.at('mirror', 'data'), reserve + 16 * mebibyte)
      await using mirror = await startPullingMirror(journey.at('mirror'), { url: source.registry.url })
      const { layout } = source.works
      expect(await pull(journey, mirror.host, 'small')).toBe('pulled')

      const session = await fetch(`${mirror.url}/v2/mine/blobs/uploads/`, { method: 'POST' })
      const at = new URL(session.headers.get('location')!, mirror.url)
      const body = await readFile(
        path.join(layout.directory, 'blobs', ...source.images['large']!.layers[0]!.digest.split(':')),
      )
      const refused = await fetch(at, { method: 'PATCH', body })
      expect([refused.status, await refused.text()]).toEqual([507, expect.stringMatching(/no space|disk is full/i)])
      const kept = Number((await fetch(at)).headers.get('range')!.split('-')[1]) + 1
      expect(kept).toBeGreaterThan(8 * mebibyte)

      expect(await digestAt(mirror.url, `${vendor}/small`, 'v1')).toBe(source.images['small']!.manifest.digest)
      expect(await pull(journey, mirror.host, 'small')).toBe('pulled')
      expect(await pull(journey, mirror.host, 'large')).toBe('pulled')
      expect(await isThere(blobFile(journey, source.images['large']!.layers[0]!.digest))).toBe(false)

      await disk.resize(reserve + 100 * mebibyte)
      const rest = await fetch(at, { method: 'PATCH', body: body.subarray(kept) })
      expect(rest.status).toBe(202)
      at.searchParams.set('digest', source.images['large']!.layers[0]!.digest)
      expect((await fetch(at, { method: 'PUT' })).status).toBe(201)
      expect(await pull(journey, mirror.host, 'large')).toBe('pulled')
    })
  })

  it('with a budget takes away what nobody asked for longest, and its room is free at once', async () => {
    await using journey = await openJourney()
    await using source = await openVendor(journey, { old: 6 * mebibyte, young: 6 * mebibyte })
    const flags: string[] = []
    await using mirror = await startPullingMirror(journey.at('mirror'), { url: source.registry.url }, () => flags)
    for (const name of ['old', 'young']) expect(await pull(journey, mirror.host, name)).toBe('pulled')
    await mirror.stop()
    await ageRecords(journey, ['old', 'young'])
    flags.push('--pull-through-budget', '8MiB', '--min-free', '0')
    await mirror.start()
    const layerOf = (name: string): string => blobFile(journey, source.images[name]!.layers[0]!.digest)
    await eventually(async () => !(await isThere(layerOf('old'))), { what: 'room', withinMs: 30_000 })
    expect(await isThere(layerOf('young'))).toBe(true)

    await source.registry.kill()
    expect(await pull(journey, mirror.host, 'young')).toBe('pulled')
    expect(await pull(journey, mirror.host, 'old')).toMatch(/50[0-9]|unavailable/i)
    await source.registry.start()
    await eventually(async () => (await pull(journey, mirror.host, 'old')) === 'pulled', {
      what: 'what was taken away',
      withinMs: 30_000,
    })
  })
})

/** Lets these images have been asked for a day ago and before, each a while after the one before it. */
async function ageRecords(journey: Journey, names: readonly string[]): Promise<void> {
  for await (const file of glob(journey.at('mirror', 'data', 'pull-through', 'images', '*.json'))) {
    const record = JSON.parse(await readFile(file, 'utf8')) as {
      repository: string
      manifests: Record<string, { usedAt: number }>
    }
    const index = names.findIndex((name) => record.repository === `${vendor}/${name}`)
    for (const use of Object.values(record.manifests)) use.usedAt = Date.now() - 86_400_000 + index * 3_600_000
    await writeFile(file, JSON.stringify(record))
  }
}

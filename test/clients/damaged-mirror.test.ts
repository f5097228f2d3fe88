import { access, writeFile } from 'node:fs/promises'
import { blobKey } from '@stowage/mirror/store/content/content-keys'
import { fsckOperation } from '@stowage/mirror/store/fsck/fsck-operation'
import { scrubOperation } from '@stowage/mirror/store/scrub/scrub-operation'
import { digestOf, type Digest } from '@stowage/mirror/oci/digest'
import { flipByte } from '@stowage/mirror/testing/flip-byte'
import { expect, it } from 'vitest'
import { startDockerRegistry } from '../harness/docker-registry.ts'
import { eventually } from '../harness/eventually.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { openImageWorks } from '../harness/source-registry.ts'
import { runStowage } from '../harness/stowage.ts'
import { startPullingMirror, vendor } from './pulling-mirror.ts'

const repository = 'shop/app'

/** A mirror that has pulled an image of a registry through. */
async function openScene(journey: Journey) {
  await using stack = new AsyncDisposableStack()
  const registry = stack.use(await startDockerRegistry({ directory: journey.at('registry') }))
  const works = await openImageWorks(journey.at('layout'))
  const image = await works.make({ layerSizes: [100_000, 3_000_000], seed: 'damaged' })
  await works.push(image, registry, `${repository}:v1`)
  const token = journey.at('token')
  await writeFile(token, 'x'.repeat(32))
  const flags = ['--objects-token-file', token, '--scrub-rate', 'off']
  const mirror = stack.use(await startPullingMirror(journey.at('mirror'), { url: registry.url }, () => flags))
  const parts = [image.config, ...image.layers].map(({ digest }) => `blobs/${digest}`)
  const urlOf = (path: string): string => `${mirror.url}/v2/${vendor}/${repository}/${path}`
  const get = async (path: string): Promise<Digest> =>
    digestOf(Buffer.from(await (await fetch(urlOf(path))).arrayBuffer()))
  for (const path of ['manifests/v1', ...parts]) await get(path)
  // Behind its answer.
  const isStored = async (): Promise<boolean> =>
    (await fetch(urlOf('manifests/v1'), { headers: { 'cache-control': 'only-if-cached' } })).ok
  await eventually(isStored, { what: 'the manifest stored' })
  const opened = stack.move()
  return {
    image,
    mirror,
    get,
    data: journey.at('mirror', 'data'),
    running: ['--mirror', mirror.url, '--mirror-token-file', token],
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

requirePart('docker-registry')('a mirror whose disk flips bytes', () => {
  it('gives none of them to anybody, and gets the right ones from where they came', async () => {
    await using journey = await openJourney()
    await using scene = await openScene(journey)
    const { image, mirror, get, data, running } = scene
    const [small, large] = image.layers.map(({ digest }) => digest)
    const isThere = (digest: Digest): Promise<boolean> =>
      access(journey.at('mirror', 'data', blobKey(digest))).then(
        () => true,
        () => false,
      )

    await mirror.kill()
    await flipByte(data, large!, 2_000_000)
    await flipByte(data, image.manifest.digest, 50)
    const looked = await runStowage(['mirror', 'fsck', '--data', data, '--read-data', '-o', 'json'])
    expect(looked.code).toBe(1)
    const { faults } = fsckOperation.result.parse(JSON.parse(looked.stdout))
    expect(new Set(faults.map(({ kind, digest }) => [kind, digest].join(' ')))).toEqual(
      new Set([`blob-damaged ${large}`, `blob-damaged ${image.manifest.digest}`]),
    )

    await mirror.start()
    expect(await get('manifests/v1')).toBe(image.manifest.digest)
    await expect(get(`blobs/${large}`)).rejects.toThrow('terminated')
    expect(await get(`blobs/${large}`)).toBe(large)

    await flipByte(data, small!)
    const scrubbed = await runStowage(['mirror', 'scrub', ...running, '-o', 'json'])
    expect(scrubOperation.result.parse(JSON.parse(scrubbed.stdout)).troubles).toMatchObject([
      { digest: small, kind: 'damaged', isSettled: true },
    ])
    expect(scrubbed.code).toBe(0)
    const sound = await runStowage(['mirror', 'fsck', ...running, '--read-data'])
    expect([sound.code, sound.stdout]).toEqual([0, expect.stringMatching(/^faults +0$/m)])

    await mirror.kill()
    await flipByte(data, large!, 5)
    expect((await runStowage(['mirror', 'scrub', '--data', data, '--rate', 'off'])).code).toBe(1)
    expect(await isThere(large!)).toBe(false)
    await mirror.start()
    // Nobody asks for it.
    await eventually(() => isThere(large!), { what: 'the blob fetched again', withinMs: 30_000 })
    expect(await get(`blobs/${large}`)).toBe(large)
  })
})

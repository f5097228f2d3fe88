import { describe, expect, it } from 'vitest'
import type { Descriptor } from '../oci/descriptor.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { parsePlatform } from '../oci/platform.ts'
import { createFakeImages, forPlatform } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import type { FakeUpstream } from '../registry/fake-upstream.ts'
import { fakeHost, fakeRepository, localPath, openFakeMirror } from './fake-mirror.ts'
import type { PrefetchSettings } from './upstream-settings.ts'

const { upstreamOf } = createFakePull()

/** Two platforms, each with an attestation in the index, and a signature of the first one and one of the index. */
function addSignedImage(upstream: FakeUpstream) {
  const images = createFakeImages(upstream, fakeRepository)
  const layers = [3, 5, 7, 11].map((seed) => images.addLayer(seed)) as [Descriptor, Descriptor, Descriptor, Descriptor]
  const [amd, arm, ofAmd, ofArm] = layers.map((layer, place) => images.addImage(`image ${place}`, [layer])) as [
    Descriptor,
    Descriptor,
    Descriptor,
    Descriptor,
  ]
  const attests = (attestation: Descriptor, image: Descriptor) => ({
    ...forPlatform('unknown/unknown', attestation),
    annotations: { 'vnd.docker.reference.digest': image.digest },
  })
  const root = images.addIndex([
    forPlatform('linux/amd64', amd),
    forPlatform('linux/arm64', arm),
    attests(ofAmd, amd),
    attests(ofArm, arm),
  ])
  const sign = (subject: Descriptor) => {
    const config = upstream.addBlob('{}', mediaTypes.empty)
    const layer = upstream.addBlob(`signature of ${subject.digest}`)
    const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [layer], subject }
    return [upstream.addManifest(fakeRepository, document), layer] as const
  }
  const [ofRoot, rootSignature] = sign(root)
  const [ofOne, oneSignature] = sign(amd)
  return { layers, root, amd, arm, ofAmd, ofArm, ofRoot, rootSignature, ofOne, oneSignature }
}

async function prefetched(wanted: PrefetchSettings) {
  const upstream = await upstreamOf({ referrersPerPage: 10 })
  const image = addSignedImage(upstream)
  await using mirror = await openFakeMirror(upstream, { settings: { prefetch: wanted } })
  await mirror.ask(`${localPath}/manifests/v1`, { method: 'HEAD' })
  const repository = mirror.store.repository(`${fakeHost}/${fakeRepository}`)
  const here = async (one: Descriptor): Promise<boolean> => (await repository.stat(one.digest)) !== undefined
  const names = Object.keys(image) as (keyof typeof image)[]
  const found = async (): Promise<string[]> => {
    const all = names.flatMap((name) =>
      [image[name]].flat().map((one, place) => [`${name}${place || ''}`, one] as const),
    )
    const present = await Promise.all(all.map(async ([name, one]) => ((await here(one)) ? [name] : [])))
    return present.flat().toSorted()
  }
  return { found: await settledOf(found) }
}

/** What something comes to when it changes no more. */
async function settledOf(look: () => Promise<string[]>): Promise<string[]> {
  let last: string[] = []
  await expect
    .poll(
      async () => {
        const before = last
        last = await look()
        return before.length > 1 && before.length === last.length
      },
      { interval: 150 },
    )
    .toBe(true)
  return last
}

describe('an image whose tag is asked for', () => {
  it('comes with its platforms, their attestations and what speaks of any of them', async () => {
    const { found } = await prefetched({ platforms: [parsePlatform('linux/amd64')], referrers: true })
    expect(found).toEqual(
      ['amd', 'layers', 'layers2', 'ofAmd', 'ofOne', 'ofRoot', 'oneSignature', 'root', 'rootSignature'].toSorted(),
    )
  })

  it('comes with what speaks of it alone', async () => {
    const { found } = await prefetched({ platforms: [], referrers: true })
    expect(found).toEqual(['ofRoot', 'root', 'rootSignature'])
  })

  it('comes without what speaks of it', async () => {
    const { found } = await prefetched({ platforms: [parsePlatform('linux/arm64')], referrers: false })
    expect(found).toEqual(['arm', 'layers1', 'layers3', 'ofArm', 'root'])
  })
})

describe('an image of another shape', () => {
  const wanted = { platforms: [parsePlatform('linux/arm64')], referrers: true }

  /** Asks for `v1`, and gives which of these are here when `last` is. */
  async function brought(upstream: FakeUpstream, all: readonly Descriptor[], last: Descriptor): Promise<boolean[]> {
    await using mirror = await openFakeMirror(upstream, { settings: { prefetch: wanted } })
    await mirror.ask(`${localPath}/manifests/v1`, { method: 'HEAD' })
    const repository = mirror.store.repository(`${fakeHost}/${fakeRepository}`)
    const isHere = async ({ digest }: Descriptor): Promise<boolean> => (await repository.stat(digest)) !== undefined
    await expect.poll(() => isHere(last)).toBe(true)
    return await Promise.all(all.map(isHere))
  }

  it('comes with the wanted platforms of an index in it only', async () => {
    const upstream = await upstreamOf()
    const images = createFakeImages(upstream, fakeRepository)
    const layers = [images.addLayer(3), images.addLayer(5)] as const
    const amd = images.addImage('amd', [layers[0]])
    const arm = images.addImage('arm', [layers[1]])
    images.addIndex([images.addIndex([forPlatform('linux/amd64', amd), forPlatform('linux/arm64', arm)], 'inner')])
    expect(await brought(upstream, [amd, layers[0], arm, layers[1]], layers[1])).toEqual([false, false, true, true])
  })

  it('comes without what its upstream has lost, and without what Stowage made of it', async () => {
    const upstream = await upstreamOf({ referrersPerPage: 10 })
    const images = createFakeImages(upstream, fakeRepository)
    const layer = images.addLayer(3)
    const arm = images.addImage('arm', [layer])
    const lost = { ...arm, digest: arm.digest.replace(/.{8}$/, '00000000') as Descriptor['digest'] }
    const proof = { annotations: { 'vnd.docker.reference.digest': arm.digest } }
    const root = images.addIndex([
      { ...forPlatform('unknown/unknown', lost), ...proof },
      forPlatform('linux/arm64', arm),
    ])
    const config = upstream.addBlob('{}', mediaTypes.empty)
    const speak = (artifactType: string) =>
      upstream.addManifest(fakeRepository, {
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        artifactType,
        config,
        layers: [upstream.addBlob(artifactType)],
        subject: root,
      })
    const [own, sbom] = [speak('application/vnd.stowage.delta.v1+json'), speak('application/spdx+json')]
    expect(await brought(upstream, [layer, own, sbom], sbom)).toEqual([true, false, true])
  })
})

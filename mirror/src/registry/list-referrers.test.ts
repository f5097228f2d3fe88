import { describe, expect, it } from 'vitest'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { addFakeImage } from './fake-image.ts'
import { createFakePull } from './fake-pull.ts'
import type { FakeUpstream, FakeUpstreamOptions } from './fake-upstream.ts'
import type { RegistryClient } from './registry-client.ts'

const { upstreamOf, clientOf } = createFakePull()

async function start(options: FakeUpstreamOptions = {}) {
  const upstream = await upstreamOf(options)
  return { upstream, root: addFakeImage(upstream).root, client: clientOf(upstream) }
}

function addSignature(
  upstream: FakeUpstream,
  subject: Descriptor | undefined,
  { name, tag }: { name: string; tag?: string },
) {
  const config = upstream.addBlob('{}', mediaTypes.empty)
  const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, artifactType: name, config, layers: [], subject }
  return upstream.addManifest('team/app', document, tag === undefined ? {} : { tag })
}

const digestsOf = async (client: RegistryClient, subject: Descriptor) =>
  (await client.referrers('team/app', subject.digest)).map(({ descriptor, tag }) =>
    tag === undefined ? descriptor.digest : tag,
  )

describe('referrers', () => {
  it('are read page by page', async () => {
    const { upstream, root, client } = await start({ referrersPerPage: 2 })
    const signatures = ['a', 'b', 'c', 'd', 'e'].map((name) => addSignature(upstream, root, { name }))
    expect(await digestsOf(client, root)).toEqual(signatures.map(({ digest }) => digest))
    expect(upstream.requests.filter(({ path }) => path.includes('/referrers/'))).toHaveLength(3)
  })

  it('keep their kind', async () => {
    const { upstream, root, client } = await start({ referrersPerPage: 10 })
    addSignature(upstream, root, { name: 'application/x.signature' })
    const [referrer] = await client.referrers('team/app', root.digest)
    expect(referrer?.descriptor.artifactType).toBe('application/x.signature')
  })

  it('are read from the tag that stands in for the API', async () => {
    const { upstream, root, client } = await start()
    const signature = addSignature(upstream, root, { name: 'a' })
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [signature] }
    upstream.addManifest('team/app', index, { tag: `sha256-${hexOf(root.digest)}` })
    expect(await digestsOf(client, root)).toEqual([signature.digest])
  })

  it('are found by the tags of cosign', async () => {
    const { upstream, root, client } = await start({ referrersPerPage: 10 })
    const tags = ['sig', 'att'].map((suffix) => `sha256-${hexOf(root.digest)}.${suffix}`)
    for (const tag of tags) addSignature(upstream, undefined, { name: tag, tag })
    expect(await digestsOf(client, root)).toEqual(tags)
  })

  it('are none where nobody knows of any', async () => {
    const { root, client } = await start()
    expect(await digestsOf(client, root)).toEqual([])
  })

  it.each([400, 403, 405])('are looked for elsewhere if the API says %i', async (status) => {
    const { upstream, root, client } = await start({ referrersPerPage: 10 })
    upstream.trouble({ when: /referrers/, answer: { status } })
    expect(await digestsOf(client, root)).toEqual([])
  })

  it('are not taken for none if the registry is away', async () => {
    const { upstream, root, client } = await start({ referrersPerPage: 10 })
    upstream.trouble({ when: /referrers/, answer: { status: 503 } })
    await expect(client.referrers('team/app', root.digest)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(client.referrers('team/app', digestOf('other'))).rejects.toMatchObject({ code: 'unavailable' })
  })
})

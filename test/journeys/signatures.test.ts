import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { mirrorRepositoryOf, parseReference } from '@stowage/mirror/oci/reference'
import { describe, expect, it } from 'vitest'
import { startDockerRegistry } from '../harness/docker-registry.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { openSite, type Site } from '../harness/site.ts'
import type { PushedImage, PushTarget } from '../harness/source-registry.ts'
import { putArtifact } from '../image-maker/put-artifact.ts'

const signatureType = 'application/vnd.dev.cosign.simplesigning.v1+json'
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'

interface Signed {
  readonly image: PushedImage
  /** What only a tag leads to, and that tag. */
  readonly signature: Descriptor
  readonly tag: string
  /** What has the image for its subject. */
  readonly bundle: Descriptor
}

/**
 * Pushes an image with two signatures.
 * @param isListPushed for a registry that does not list by itself what speaks of an image
 */
async function pushSigned({ works }: Site, registry: PushTarget, isListPushed: boolean): Promise<Signed> {
  const image = await works.push(await works.make({ seed: 'app' }), registry, 'app:v1')
  const standIn = image.root.digest.replace(':', '-')
  const signature = await putArtifact(works.layout, signatureType)
  const bundle = await putArtifact(works.layout, bundleType, image.root)
  await works.push(signature, registry, `app:${standIn}.sig`)
  await works.push(bundle, registry, 'app:bundle')
  if (isListPushed) {
    const { mediaType, digest, size } = bundle
    const list = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [{ mediaType, digest, size }] }
    await works.push(await works.layout.putJson(mediaTypes.index, list), registry, `app:${standIn}`)
  }
  return { image, signature, tag: `${standIn}.sig`, bundle }
}

/** Waits until a centre's mirror has both signatures where their readers look for them. */
async function untilCarried({ centre }: Site, { image, signature, tag, bundle }: Signed): Promise<void> {
  const at = `${centre.url}/v2/${mirrorRepositoryOf(parseReference(image.reference))}`
  const look = async () => {
    const tagged = await fetch(`${at}/manifests/${tag}`, { headers: { accept: mediaTypes.manifest } })
    await tagged.arrayBuffer()
    const listed = (await (await fetch(`${at}/referrers/${image.root.digest}`)).json()) as { manifests: Descriptor[] }
    return {
      tagged: tagged.headers.get('docker-content-digest'),
      listed: listed.manifests.map(({ digest, artifactType }) => ({ digest, artifactType })),
    }
  }
  const wanted = { tagged: signature.digest, listed: [{ digest: bundle.digest, artifactType: bundleType }] }
  await eventually(async () => expect(await look()).toEqual(wanted) ?? true, {
    what: 'the signatures',
    withinMs: 30_000,
  })
}

describe('the signatures of an image that a centre mirrors', () => {
  it('come behind it, and are not sent to nodes', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const signed = await pushSigned(site, site.source, false)
    await writeImageCache(site.centre.caches, { name: 'app', images: [signed.image.reference] })
    await untilHeld(site.agent.layout, [signed.image])
    await untilCarried(site, signed)
    const { sinceReset } = await site.link.stats()
    const asked = Object.keys(sinceReset.blobs)
    const bundle = (await site.works.layout.read(signed.bundle.digest)).toString()
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.filter((digest) => bundle.includes(digest))).toEqual([])
  })
})

requirePart('docker-registry')('the signatures of an image in a registry without the referrers API', () => {
  it('are found by the list that stands in for it', async () => {
    await using journey = await openJourney()
    await using registry = await startDockerRegistry({ directory: journey.at('vendor') })
    await using site = await openSite(journey)
    const signed = await pushSigned(site, registry, true)
    await writeImageCache(site.centre.caches, { name: 'app', images: [signed.image.reference] })
    await untilHeld(site.agent.layout, [signed.image])
    await untilCarried(site, signed)
  })
})

import PQueue from 'p-queue'
import { describe, expect, it } from 'vitest'
import { createRegistryClient } from '../registry/registry-client.ts'
import { openTestRegistry } from '../testing/open-test-registry.ts'
import { imagePlaceConformance } from './image-place.conformance.ts'
import { listImages } from './list-images.ts'
import { createRegistryImages } from './registry-images.ts'
import { removeImages } from './remove-images.ts'

imagePlaceConformance('a registry', async () => {
  const registry = await openTestRegistry()
  // As registries do that give less than they are asked for.
  registry.rewriteQuery(/\bn=1000\b/, 'n=2')
  const client = createRegistryClient({ registry: registry.host })
  return {
    place: createRegistryImages(client),
    repository: (name) => registry.store.repository(name),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    },
  }
})

describe('a registry', () => {
  const queue = new PQueue({ concurrency: 4 })

  it('says that it lists no repositories', async () => {
    await using registry = await openTestRegistry()
    await using client = createRegistryClient({ registry: registry.host })
    registry.intercept(/_catalog/, (reply) => reply.code(404).send())
    await expect(Array.fromAsync(listImages(createRegistryImages(client), { queue }))).rejects.toMatchObject({
      message: expect.stringContaining('it lists none to you, so name one') as string,
    })
  })

  it('says that it does not tell what has no tag', async () => {
    await using registry = await openTestRegistry()
    await using client = createRegistryClient({ registry: registry.host })
    const untagged = Array.fromAsync(listImages(createRegistryImages(client), { untagged: true, queue }))
    await expect(untagged).rejects.toMatchObject({ code: 'invalid' })
  })

  it('says that it takes no single tag away', async () => {
    await using registry = await openTestRegistry()
    await using client = createRegistryClient({ registry: registry.host })
    const tags = { name: 'app', tags: ['v1'] }
    const digest = `sha256:${'1'.repeat(64)}`
    registry.intercept(/tags\/list/, (reply) => reply.send(JSON.stringify(tags)))
    registry.intercept(/^HEAD .*v1/, (reply) =>
      reply
        .headers({
          'docker-content-digest': digest,
          'content-type': 'application/vnd.oci.image.manifest.v1+json',
          'content-length': 100,
        })
        .send(),
    )
    registry.intercept(/^DELETE/, (reply) => reply.code(405).send())
    const references = [{ repository: 'app', tag: 'v1' }]
    await expect(removeImages(createRegistryImages(client), { references })).rejects.toMatchObject({
      message: expect.stringContaining('remove what it means, by its digest') as string,
    })
  })

  it('is tried again when it fails for a moment', async () => {
    await using registry = await openTestRegistry()
    await using client = createRegistryClient({ registry: registry.host })
    registry.intercept(/_catalog/, (reply) => reply.code(503).send(), 1)
    expect(await Array.fromAsync(listImages(createRegistryImages(client), { queue }))).toEqual([])
  })
})

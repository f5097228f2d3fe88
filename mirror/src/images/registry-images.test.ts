import PQueue from 'p-queue'
import { describe, expect, it } from 'vitest'
import { fakeHost, fakeRepository, localPath, openFakeMirror } from '../pull-through/fake-mirror.ts'
import { credentialsFromEntries } from '../registry/credential-source.ts'
import { addFakeImage } from '../registry/fake-image.ts'
import { openFakeUpstream } from '../registry/fake-upstream.ts'
import { createRegistryClient } from '../registry/registry-client.ts'
import type { ChallengeKind } from '../server/access/www-authenticate.ts'
import { ask, basic, guardedRegistry, upload } from '../testing/guarded-registry.ts'
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

  describe('that lists some repositories to anyone, and more to its users', () => {
    async function listedTo(password: string | undefined, challenge: ChallengeKind): Promise<string[]> {
      await using app = guardedRegistry({ challenge })
      const url = await app.listen({ host: '127.0.0.1', port: 0 })
      const { host } = new URL(url)
      for (const name of ['a/app', 'public/app']) await ask(app, upload(name, basic('ann')))
      const credential = { username: 'ann', password: password ?? '', origin: 'a test' }
      const credentials = credentialsFromEntries(password === undefined ? [] : [{ key: host, credential }])
      await using client = createRegistryClient({ registry: url, credentials })
      return await Array.fromAsync(createRegistryImages(client).repositories())
    }

    it.each(['bearer', 'basic'] as const)('is told who asks, by %s', async (challenge) => {
      expect(await listedTo("ann's", challenge)).toEqual(['a/app', 'public/app'])
      expect(await listedTo(undefined, challenge)).toEqual(['public/app'])
      const refused = listedTo('wrong', challenge)
      await expect(refused).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining('ann') as string })
    })
  })

  it('says that it does not tell what has no tag', async () => {
    await using registry = await openTestRegistry()
    await using client = createRegistryClient({ registry: registry.host })
    const untagged = Array.fromAsync(listImages(createRegistryImages(client), { untagged: true, queue }))
    await expect(untagged).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('--mirror-token-file') as string,
    })
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

  it('says before anything goes that what a mirror fetched goes through its store', async () => {
    await using upstream = await openFakeUpstream()
    const { root } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    await (await mirror.ask(`${localPath}/manifests/v1`)).arrayBuffer()
    await using client = createRegistryClient({ registry: mirror.url, isOnlyIfHere: true })
    const repository = `${fakeHost}/${fakeRepository}`
    for (const reference of [{ tag: 'v1' }, { digest: root.digest }]) {
      const references = [{ repository, ...reference }]
      for (const isDryRun of [true, false]) {
        const removed = removeImages(createRegistryImages(client), { references, isForced: true, isDryRun })
        await expect(removed).rejects.toMatchObject({
          code: 'denied',
          message: expect.stringContaining('--mirror-token-file') as string,
        })
      }
    }
  })

  it('is tried again when it fails for a moment', async () => {
    await using registry = await openTestRegistry()
    await using client = createRegistryClient({ registry: registry.host })
    registry.intercept(/_catalog/, (reply) => reply.code(503).send(), 1)
    expect(await Array.fromAsync(listImages(createRegistryImages(client), { queue }))).toEqual([])
  })
})

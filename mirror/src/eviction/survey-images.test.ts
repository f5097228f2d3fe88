import { expect, it } from 'vitest'
import { buildSet, setRepository } from '../edge/set.ts'
import type { Digest } from '../oci/digest.ts'
import { blobKey, linkKey, tagPrefix } from '../store/content/content-keys.ts'
import { pushImage } from '../store/content/stored-content.conformance.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { PulledRepository } from './pulled-images.ts'
import { surveyImages } from './survey-images.ts'

it.each([
  ['a link', (digest: Digest) => linkKey('a', digest)],
  ['a tag', () => `${tagPrefix('a')}v1`],
  ['a manifest', (digest: Digest) => blobKey(digest)],
])('lets no image go of a repository in which %s cannot be read', async (_, keyOf) => {
  const objects = createMemoryStore()
  const store = createContentStore(objects)
  const [a, b] = [
    await pushImage(store.repository('a'), 'a', ['v1']),
    await pushImage(store.repository('b'), 'b', ['v1']),
  ]
  const pulledAs = (repository: string, digest: Digest): PulledRepository => ({
    repository,
    tags: new Set(['v1']),
    manifests: new Map([[digest, { usedAt: 0, isTagged: true }]]),
  })
  async function* pulled() {
    yield pulledAs('a', a.digest)
    yield pulledAs('b', b.digest)
  }
  const surveyed = async () => {
    const tagsOf = async (repository: string) => (repository === 'a' ? [] : await store.repository(repository).tags())
    const survey = await surveyImages({ objects, pulled: pulled(), roots: [], tagsOf, pace: async () => {} })
    return survey.images.map(({ repository }) => repository)
  }
  expect(await surveyed()).toEqual(['a', 'b'])
  const { key, etag } = (await objects.head(keyOf(a.digest)))!
  await objects.putIfMatch(key, etag, Buffer.from('{'))
  expect(await surveyed()).toEqual(['b'])
})

it.each([
  ['a set', blobKey],
  ['the link to a set', (digest: Digest) => linkKey(setRepository, digest)],
])('is not made while %s is damaged, which may need any image', async (_, keyOf) => {
  const objects = createMemoryStore()
  const repository = createContentStore(objects).repository(setRepository)
  const set = buildSet({ images: [], unresolved: [] })
  await repository.putManifest(set)
  const { key, etag } = (await objects.head(keyOf(set.digest)))!
  await objects.putIfMatch(key, etag, Buffer.from('{'))
  async function* pulled(): AsyncGenerator<PulledRepository> {
    yield { repository: 'a', tags: new Set(), manifests: new Map() }
  }
  const survey = surveyImages({ objects, pulled: pulled(), roots: [], tagsOf: async () => [], pace: async () => {} })
  await expect(survey).rejects.toMatchObject({ code: 'corrupt' })
})

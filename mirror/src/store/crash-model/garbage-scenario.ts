import { hexOf, type Digest } from '../../oci/digest.ts'
import { imageOf, indexOf, pushImage } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { collectGarbage } from '../gc/collect-garbage.ts'
import { endDeaths } from '../gc/end-deaths.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Scenario } from './store-scenarios.ts'

const rules = { graceMs: 0, untaggedMs: 0, youngMs: 0 }
const index = indexOf([imageOf('one').config])
const signature = {
  manifest: indexOf([imageOf('one').config, imageOf('one').config]),
  tag: `sha256-${hexOf(index.digest)}.sig`,
}

/** Each collection is later than what was written, and than the one before. */
async function collectSeveralTimes(objects: ObjectStore): Promise<void> {
  for (let now = 1; now <= 4; now++) {
    await collectGarbage({ objects, rules, roots: [], now: () => now, isAlone: true })
  }
}

/** Garbage that is collected, and comes again while its bytes are being deleted. */
export const garbage: Scenario = {
  name: 'garbage that is collected beside an image',
  async run(objects, note) {
    await endDeaths(objects)
    const repository = createContentStore(objects, { now: () => 0 }).repository('team/app')
    await pushImage(repository, 'one', ['v1'])
    note('image')
    await repository.putManifest(index, { tags: ['v2'] })
    await repository.putManifest(signature.manifest, {
      speakingTags: [{ tag: signature.tag, speaksOf: index.digest }],
    })
    note('going')
    await repository.deleteTag('v2')
    await collectSeveralTimes(objects)
    note('collected')
    note('coming')
    await repository.putManifest(index)
    await collectGarbage({ objects, rules, roots: [], now: () => 5, isAlone: true })
    await repository.putTag('v3', index.digest)
    note('again')
  },
  promises: {
    image: (objects) => isWhole(objects, 'v1', imageOf('one').digest),
    going: async () => true,
    // Unless an earlier process came as far as to name it again.
    collected: async (objects, notes) =>
      notes.at(-1) !== 'collected' ||
      (await repositoryIn(objects).tag('v3')) !== undefined ||
      !(await areThere(objects, [index.digest, signature.manifest.digest])),
    coming: async () => true,
    again: (objects) => isWhole(objects, 'v3', index.digest),
  },
}

async function areThere(objects: ObjectStore, digests: readonly Digest[]): Promise<boolean> {
  const found = await Promise.all(digests.map((digest) => repositoryIn(objects).stat(digest)))
  return found.some((link) => link !== undefined)
}

const repositoryIn = (objects: ObjectStore) => createContentStore(objects).repository('team/app')

async function isWhole(objects: ObjectStore, tag: string, digest: string): Promise<boolean> {
  const repository = repositoryIn(objects)
  const manifest = await repository.manifest(tag)
  const parts = manifest?.kind === 'manifest' ? [manifest.config, ...manifest.layers] : (manifest?.manifests ?? [])
  const there = await Promise.all(parts.map((part) => repository.hasBlob(part)))
  return manifest?.digest === digest && there.every(Boolean)
}

import { setRepository } from '@stowage/mirror/edge/set'
import { digestOf, type Digest } from '@stowage/mirror/oci/digest'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { describe, expect, it } from 'vitest'
import { openCentreMemory } from '../memory/centre-memory.ts'
import { mirroredForAll, unresolved } from '../memory/resolution.ts'
import { aReport } from '../testing/world.ts'
import { controllerRoots } from './controller-roots.ts'

const nginx = 'docker.io/library/nginx:1'
const digests = (...words: string[]): Digest[] => words.map((word) => digestOf(word))
const [wanted, mirrored, onNode, set] = digests('wanted', 'mirrored', 'on node', 'set') as [
  Digest,
  Digest,
  Digest,
  Digest,
]
const rootOf = (digest: Digest) => ({ mediaType: 'application/vnd.oci.image.index.v1+json', digest, size: 1 })

async function rememberAll() {
  const objects = createMemoryStore()
  const memory = await openCentreMemory(objects)
  await memory.resolutions.put(nginx, {
    ...unresolved,
    target: rootOf(wanted),
    mirrored: mirroredForAll(rootOf(mirrored), 1),
  })
  const cache = { namespace: 'default', name: 'shop', uid: 'u' }
  const entries = [null, set].map((each, list) => ({ cache, list, set: each, removal: 'keep' as const }))
  await memory.assignments.put('shop-1', { version: 1, node: 'shop-1', epoch: 'e', sequence: 1, entries })
  const line = { digest: onNode, state: 'present' as const, bytesHere: 1, bytesTotal: 1 }
  const images = [nginx, 'NO name!'].map((name) => ({ ...line, name }))
  await memory.nodes.put('shop-1', {
    version: 1,
    report: aReport('shop-1', { images }),
    receivedAt: 0,
    isOverdue: false,
    failures: {},
  })
  return objects
}

describe('the roots of a controller', () => {
  it('are what references mean, the sets that nodes are told, and what nodes have', async () => {
    const roots = await Array.fromAsync(controllerRoots(await rememberAll())())
    const repository = 'docker.io/library/nginx'
    expect(new Set(roots)).toEqual(
      new Set([
        { repository: setRepository, digest: set },
        { repository, digest: wanted },
        { repository, digest: mirrored },
        { repository, digest: onNode },
      ]),
    )
  })

  it('are none where no controller is', async () => {
    expect(await Array.fromAsync(controllerRoots(createMemoryStore())())).toEqual([])
  })

  it.each(['assignments', 'resolutions', 'nodes'])(
    'are not told without a record of %s that cannot be read',
    async (kind) => {
      const objects = await rememberAll()
      await objects.putIfAbsent(`controller/${kind}/x.json`, Buffer.from('{"name":"x","value":{"version":2}}'))
      await expect(Array.fromAsync(controllerRoots(objects)())).rejects.toMatchObject({ code: 'invalid' })
    },
  )
})

import { assignmentSchema } from '@stowage/mirror/edge/assignment'
import { setRepository } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import { isFault } from '@stowage/mirror/oci/fault'
import { mirrorRepositoryOf, parseReference } from '@stowage/mirror/oci/reference'
import type { ContentRoot, RootSource } from '@stowage/mirror/store/gc/content-root'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { memoryPrefixes } from '../memory/centre-memory.ts'
import { nodeRecordSchema } from '../memory/node-record.ts'
import { readRemembered } from '../memory/remembered.ts'
import { resolutionSchema } from '../memory/resolution.ts'

/**
 * What the memory of a controller needs of the store that it lies in: sets that nodes are told, what references mean, and what
 * nodes say they have, from which they are healed. Nothing if no controller keeps its memory there.
 * @throws Fault invalid, from the source, if a record cannot be read: nobody knows then what it needs
 */
export function controllerRoots(objects: ObjectStore): RootSource {
  return async function* (): AsyncGenerator<ContentRoot> {
    yield* setsOfAssignments(objects)
    yield* imagesOfResolutions(objects)
    yield* imagesOnNodes(objects)
  }
}

async function* setsOfAssignments(objects: ObjectStore): AsyncGenerator<ContentRoot> {
  const assignments = { prefix: memoryPrefixes.assignments, schema: assignmentSchema }
  for await (const { value } of readRemembered(objects, assignments)) {
    for (const { set } of value.entries) if (set) yield { repository: setRepository, digest: set }
  }
}

async function* imagesOfResolutions(objects: ObjectStore): AsyncGenerator<ContentRoot> {
  const resolutions = { prefix: memoryPrefixes.resolutions, schema: resolutionSchema }
  for await (const { name, value } of readRemembered(objects, resolutions)) {
    const digests = [value.target?.digest, value.mirrored?.root.digest]
    for (const digest of digests) if (digest) yield rootOf(name, digest)
  }
}

async function* imagesOnNodes(objects: ObjectStore): AsyncGenerator<ContentRoot> {
  const nodes = { prefix: memoryPrefixes.nodes, schema: nodeRecordSchema }
  for await (const { value } of readRemembered(objects, nodes)) {
    for (const { name, digest } of value.report.images) if (isReference(name)) yield rootOf(name, digest)
  }
}

/** A node may say anything; what has no name that can be one lies in no repository. */
function isReference(name: string): boolean {
  try {
    return parseReference(name) !== undefined
  } catch (error) {
    if (isFault(error, 'invalid')) return false
    throw error
  }
}

function rootOf(name: string, digest: Digest): ContentRoot {
  return { repository: mirrorRepositoryOf(parseReference(name)), digest }
}

import type { KubeObject } from './kube-object.ts'

type Objects = ReadonlyMap<string, KubeObject>

/**
 * Of the CustomResourceDefinition of objects. `same`: the very one under which they were seen, and what is listed is no older
 * than they. `replaced`: another one. `there`: nobody can say which of both; also of what is built in. `going`: it is being
 * deleted, or is gone.
 */
export type DefinitionStanding = 'same' | 'replaced' | 'there' | 'going' | 'unknown'

export interface FoldObjectsInput {
  /** What the API server lists now. */
  readonly listed: Objects
  /** Uids of objects whose deletion was seen. */
  readonly deleted: ReadonlySet<string>
  readonly definition: DefinitionStanding
  /** Whether what is listed has been the same for a while. */
  readonly isSettled: boolean
  readonly wasHeld: boolean
}

export interface FoldObjects {
  /** What is believed to be there. */
  readonly objects: Objects
  /** Keys of objects that are listed with less than they had, or not at all, and are not believed to be going. */
  readonly kept: readonly string[]
}

/** The keys of objects that are gone, or that somebody has begun to delete, since they were last believed in. */
export function lostKeys(known: Objects, listed: Objects): string[] {
  return [...known].flatMap(([key, object]) => {
    const now = listed.get(key)
    const isOnWay = isDeleting(now) && !isDeleting(object) && now?.metadata.uid === object.metadata.uid
    return now === undefined || isOnWay ? [key] : []
  })
}

/** Whether somebody has deleted it; finalizers may still hold it. */
export function isDeleting(object: KubeObject | undefined): boolean {
  return object?.metadata.deletionTimestamp !== undefined
}

/**
 * What is believed to be in a cluster. What is not listed under the same definition was deleted by somebody, one or all of them.
 * Objects that go with their definition are not meant to be deleted one by one; and objects that are all gone without a word (a
 * definition that was made anew, a database that was set back) stay in force until there are some again and no more are coming.
 */
export function foldObjects(known: Objects, input: FoldObjectsInput): FoldObjects {
  const objects = new Map(input.listed)
  const kept = keptOf(known, input)
  for (const key of kept) objects.set(key, known.get(key)!)
  return { objects, kept }
}

function keptOf(known: Objects, { definition, listed, deleted, isSettled, wasHeld }: FoldObjectsInput): string[] {
  const lost = lostKeys(known, listed)
  const absent = lost.filter((key) => !listed.has(key))
  const isComing = listed.size === 0 || !isSettled
  switch (definition) {
    case 'same':
      return []
    case 'replaced':
      return isComing ? absent : []
    case 'there': {
      const silent = absent.filter((key) => !deleted.has(known.get(key)!.metadata.uid))
      return listed.size === 0 || (wasHeld && !isSettled) ? silent : []
    }
    case 'going':
    case 'unknown':
      return lost
  }
}

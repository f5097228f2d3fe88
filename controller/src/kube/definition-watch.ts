import { isFault } from '@stowage/mirror/oci/fault'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import * as z from 'zod'
import { openRemembered } from '../memory/remembered.ts'
import { definitionState } from './definition-state.ts'
import type { DefinitionStanding } from './fold-objects.ts'
import type { KubeApi } from './kube-api.ts'

export interface DefinitionWatchOptions {
  readonly api: KubeApi
  readonly objects: ObjectStore
  /** Of the CustomResourceDefinition; undefined for what is built in. */
  readonly name: string | undefined
}

/** Whether what is believed of a kind was seen under the definition that is there now. */
export interface DefinitionWatch {
  /** Asks the API server again if `isInDoubt`, or if the last answer left something open. */
  look(isInDoubt: boolean, signal: AbortSignal): Promise<DefinitionStanding>
  /** Remembers that all that is believed is listed under the definition that was looked at last. */
  settle(): Promise<void>
}

/** Remembers the uid of a definition, so that one that was made anew while nobody looked is known to be another one. */
export async function openDefinitionWatch({ api, objects, name }: DefinitionWatchOptions): Promise<DefinitionWatch> {
  const prefix = 'controller/kube/definition/'
  const memory = await openRemembered(objects, { prefix, schema: z.object({ uid: z.string() }) })
  let standing: DefinitionStanding = name === undefined ? 'there' : 'unknown'
  let seen: string | undefined

  async function ask(definition: string, signal: AbortSignal): Promise<DefinitionStanding> {
    try {
      const state = await definitionState(api, definition, signal)
      seen = state === 'going' ? undefined : state.uid
      if (state === 'going') return 'going'
      const before = memory.all.get(definition)?.uid
      if (seen === undefined || before === undefined) return 'there'
      return seen === before ? 'same' : 'replaced'
    } catch (error) {
      if (!isFault(error) && !signal.aborted) throw error
      return 'unknown'
    }
  }

  return {
    async look(isInDoubt, signal) {
      const isOpen = standing !== 'same' && standing !== 'there'
      if (name !== undefined && (isInDoubt || isOpen)) standing = await ask(name, signal)
      return standing
    },
    async settle() {
      if (name === undefined || seen === undefined || standing === 'same') return
      await memory.put(name, { uid: seen })
      standing = 'same'
    },
  }
}

import { isFault } from '@stowage/mirror/oci/fault'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Logger } from 'pino'
import { openRemembered } from '../memory/remembered.ts'
import { severalAtATime } from '../several-at-a-time.ts'
import type { Stopwatch } from '../stopwatch.ts'
import { openDefinitionWatch } from './definition-watch.ts'
import { foldObjects, lostKeys, type DefinitionStanding } from './fold-objects.ts'
import type { KubeApi } from './kube-api.ts'
import { isOlderVersion, kubeObjectSchema, type KubeObject } from './kube-object.ts'
import type { ObjectWatch } from './object-watch.ts'

export interface BelievedOptions {
  readonly api: KubeApi
  readonly watch: ObjectWatch
  /** The CustomResourceDefinition; undefined for what is built in. */
  readonly definition: string | undefined
  /** What of an object is worth remembering: nothing is written while that stays the same. */
  readonly trim: (object: KubeObject) => KubeObject
  readonly objects: ObjectStore
  readonly now: () => number
  readonly log: Logger
  /** Objects that come back one by one are complete when none has come for so long. */
  readonly settleMs: number
  /** Times what a look takes, without what it writes. */
  readonly looking: Stopwatch
}

/** What is believed to be in a cluster of one kind, whatever the API server says of it at the moment. */
export interface BelievedObjects {
  /** By key. Before the first look what was believed at the last run. */
  all(): ReadonlyMap<string, KubeObject>
  /** Whether a list was taken over since the start: before that `all` says nothing of what is in the cluster now. */
  isTakenOver(): boolean
  /** Why what is listed is not all believed; undefined if it is. */
  held(): string | undefined
  /** Whether their definition is known to be going. */
  isGoing(): boolean
  /** Takes over what is listed, as far as it can be believed. */
  look(signal: AbortSignal): Promise<void>
}

const writesAtOnce = 32

/** What a watch knows at one moment. */
interface Seen {
  readonly listed: ReadonlyMap<string, KubeObject>
  /** Uids of objects whose deletion was seen. */
  readonly told: ReadonlySet<string>
  readonly lost: readonly string[]
  readonly isInDoubt: boolean
}

/** Remembers what was there, so that a restart does not make anything believable that was not. */
export async function openBelievedObjects(options: BelievedOptions): Promise<BelievedObjects> {
  const { api, watch, definition, trim, now, log, settleMs, looking } = options
  const prefix = `controller/kube/${watch.resource.kind.toLowerCase()}/`
  const memory = await openRemembered(options.objects, { prefix, schema: kubeObjectSchema })
  let all: ReadonlyMap<string, KubeObject> = new Map(memory.all)
  let kept: readonly string[] = []
  let isTakenOver = false
  const definitionWatch = await openDefinitionWatch({ api, objects: options.objects, name: definition })
  let state: DefinitionStanding = 'there'
  let lastKeys: ReadonlySet<string> = new Set()
  let changedAt = now()
  /** Uids of objects that went with their definition: that nobody deleted them holds when it is back, too. */
  const sweptAway = new Set<string>()

  const remembered = new Map<string, KubeObject>()

  /** What a list lacks that is older than that comes from a database that was set back. */
  function isSetBack(lost: readonly string[]): boolean {
    const version = watch.listVersion() ?? ''
    return lost.some((key) => isOlderVersion(version, all.get(key)!.metadata.resourceVersion))
  }

  async function remember(): Promise<void> {
    for (const key of memory.all.keys()) {
      if (all.has(key)) continue
      await memory.delete(key)
      remembered.delete(key)
    }
    const news = [...all].filter(([key, object]) => remembered.get(key) !== object)
    await severalAtATime(news, { concurrency: writesAtOnce }, ([key, object]) => rememberOne(key, object))
  }

  async function rememberOne(key: string, object: KubeObject): Promise<void> {
    const next = trim(object)
    if (wordsOf(memory.all.get(key)) !== wordsOf(next)) await memory.put(key, next)
    remembered.set(key, object)
  }

  function see(): Seen {
    const listed = new Map(watch.objects)
    const keys = new Set(listed.keys())
    if (keys.symmetricDifference(lastKeys).size > 0) changedAt = now()
    lastKeys = keys
    const lost = lostKeys(all, listed)
    const isInDoubt = kept.length > 0 || lost.length > 0 || areOthers(all, listed)
    return { listed, told: new Set(watch.deleted), lost, isInDoubt }
  }

  function takeOver({ listed, told, lost }: Seen): void {
    if (state === 'same' && isSetBack(lost)) state = 'there'
    const isSettled = now() - changedAt >= settleMs
    const deleted = told.difference(sweptAway)
    const fold = foldObjects(all, { listed, deleted, definition: state, isSettled, wasHeld: kept.length > 0 })
    all = fold.objects
    isTakenOver = true
    kept = fold.kept
    if (state === 'going') for (const key of kept) sweptAway.add(all.get(key)!.metadata.uid)
    watch.forgetDeletions(told.difference(new Set([...all.values()].map(({ metadata }) => metadata.uid))))
  }

  return {
    all: () => all,
    isTakenOver: () => isTakenOver,
    isGoing: () => state === 'going',
    held() {
      if (kept.length === 0) return undefined
      const { name } = watch.resource
      if (state === 'going') return `the definition of ${name} is being deleted, or is gone; all of them stay in force`
      if (state === 'unknown') return `nobody can say whether the definition of ${name} is being deleted`
      const words =
        state === 'replaced' ? 'with their definition, which was made anew' : 'without a word, with all others'
      return `${kept.length} ${name} are gone ${words}; they stay in force until there are some again`
    },
    async look(signal) {
      if (!watch.state().isComplete) return
      // What went by now is judged by a definition that is looked at later.
      const seen = looking.time(see)
      state = await definitionWatch.look(seen.isInDoubt, signal)
      looking.time(() => takeOver(seen))
      try {
        await remember()
        if (kept.length === 0) await definitionWatch.settle()
      } catch (err) {
        if (!isFault(err)) throw err
        log.error({ err }, 'what the cluster holds is not remembered')
      }
    },
  }
}

/** Whether something bears the name of another one that was there before. */
function areOthers(known: ReadonlyMap<string, KubeObject>, listed: ReadonlyMap<string, KubeObject>): boolean {
  return [...known].some(([key, { metadata }]) => (listed.get(key)?.metadata.uid ?? metadata.uid) !== metadata.uid)
}

/** Which version it is says nothing of what it is. */
function wordsOf(object: KubeObject | undefined): string {
  return JSON.stringify(object && { ...object, metadata: { ...object.metadata, resourceVersion: '' } })
}

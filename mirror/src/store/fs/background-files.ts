import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Fault } from '../../oci/fault.ts'
import { nodeFileSystem } from '../file-system.ts'
import { checkKey } from '../object-key.ts'
import { unpacked, type FileBatch } from './file-batch.ts'
import { listFiles, type FoundFile, type ListFilesOptions } from './list-files.ts'

/**
 * The files below a directory for those who look at very many of them and are in no hurry: a thread of its own reads them, which makes
 * way for all others. It is there while it is asked. Where none is to be had, lists are as good, and disturb others more.
 */
export interface BackgroundFiles extends AsyncDisposable {
  /** As `listFiles` of the disk. */
  list(options: Omit<ListFilesOptions, 'root'>): AsyncGenerator<FoundFile>
  /** A file with its bytes; undefined if that is not there, not small or not to be had so. @throws Fault invalid for what is no key */
  read(key: string): Promise<FoundFile | undefined>
}

/** What the thread is asked. */
export type Question = { readonly id: number } & (
  | { readonly read: readonly string[]; readonly upTo: number }
  /** For what is next in a list; with `begin` it is a new one. */
  | { readonly list: number; readonly begin?: Omit<ListFilesOptions, 'root'> | undefined; readonly isLeft?: true }
)

/** What it says; of a list, nothing more if there is no batch. */
export interface Answer {
  readonly id: number
  readonly batch?: FileBatch | undefined
  readonly fault?: Pick<Fault, 'code' | 'message' | 'details'>
}

/** What is read at once: many of these fit into a message. */
const smallSize = 64 * 1024
/** For so long the thread stays when nobody asks it: it takes memory, and a moment to start. */
const defaultIdleMs = 2000

/** Of the sources where these run, and of what is built from them. */
const script = new URL(`./background-thread${path.extname(import.meta.url)}`, import.meta.url)

export function createBackgroundFiles(root: string, { idleMs = defaultIdleMs } = {}): BackgroundFiles {
  let thread: Thread | undefined
  let isOver = false
  let lists = 0
  /** What is asked for in one turn is read together. */
  let together: { readonly keys: string[]; readonly found: Promise<ReadonlyMap<string, FoundFile>> } | undefined

  function running(): Thread | undefined {
    if (!isOver && !thread?.isAlive()) thread = startThread(root, idleMs)
    return thread
  }

  async function readTogether(keys: readonly string[]): Promise<ReadonlyMap<string, FoundFile>> {
    await nextTurn()
    together = undefined
    const said = await running()?.ask({ read: keys, upTo: smallSize })
    return new Map(said?.batch && [...unpacked(said.batch)].map((file) => [file.key, file]))
  }

  return {
    async *list(options) {
      const list = lists++
      let { after } = options
      const mine = running()
      using _need = mine?.need()
      let said = await mine?.ask({ list, begin: options })
      try {
        for (; said?.batch; said = await mine?.ask({ list })) {
          for (const file of unpacked(said.batch)) {
            after = file.key
            yield file
          }
        }
      } finally {
        if (said?.batch) mine?.ask({ list, isLeft: true }).catch(() => undefined)
      }
      // Another thread would not know how far it was.
      if (!said) yield* listFiles(nodeFileSystem, { root, ...options, after })
    },

    async read(key) {
      checkKey(key)
      if (!together) {
        const keys: string[] = []
        together = { keys, found: readTogether(keys) }
      }
      const { keys, found } = together
      keys.push(key)
      return (await found).get(key)
    },

    async [Symbol.asyncDispose]() {
      isOver = true
      await thread?.end()
    },
  }
}

interface Thread {
  isAlive(): boolean
  /** Undefined if it was ended. @throws Fault as the thread has it */
  ask(question: WithoutId<Question>): Promise<Answer | undefined>
  /** It is not ended for idleness until this is disposed of. */
  need(): Disposable
  end(): Promise<void>
}

type WithoutId<Q> = Q extends unknown ? Omit<Q, 'id'> : never

/** Undefined where the process may have no more threads. */
function startThread(root: string, idleMs: number): Thread | undefined {
  const worker = workerOf(root)
  if (!worker) return undefined
  const waiting = new Map<number, PromiseWithResolvers<Answer | undefined>>()
  let isAlive = true
  let asked = 0
  let needs = 0

  async function end(): Promise<void> {
    isAlive = false
    for (const { resolve } of waiting.values()) resolve(undefined)
    waiting.clear()
    await worker?.terminate()
  }

  const idle = setTimeout(() => {
    if (waiting.size === 0 && needs === 0) void end()
  }, idleMs).unref()

  // Who asked it does without it then, and meets what is in its way.
  worker.on('error', () => void end())
  worker.on('exit', () => void end())
  worker.on('message', (answer: Answer) => {
    const asking = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (waiting.size === 0) worker.unref()
    idle.refresh()
    const { fault } = answer
    if (fault) asking?.reject(new Fault(fault.code, fault.message, { details: fault.details }))
    else asking?.resolve(answer)
  })

  return {
    isAlive: () => isAlive,

    async ask(question) {
      if (!isAlive) return undefined
      const id = asked++
      const answer = Promise.withResolvers<Answer | undefined>()
      waiting.set(id, answer)
      // The process goes on while somebody waits for it, and for nothing else.
      worker.ref()
      worker.postMessage({ id, ...question })
      return await answer.promise
    },

    need() {
      needs++
      return {
        [Symbol.dispose]: () => {
          needs--
          idle.refresh()
        },
      }
    },

    end,
  }
}

function workerOf(root: string): Worker | undefined {
  try {
    return new Worker(script, { workerData: root })
  } catch {
    return undefined
  }
}

import { readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import path from 'node:path'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { isFault } from '../../oci/fault.ts'
import type { Answer, Question } from './background-files.ts'
import { blockingFiles } from './blocking-files.ts'
import { inBatches, packed, type FileBatch } from './file-batch.ts'
import { listFiles, readSmall, type FoundFile } from './list-files.ts'

// The thread of `createBackgroundFiles`. Who only loads this, to see whether all modules can be, gets nothing done.
if (parentPort) answerAll(parentPort, workerData as string)

function answerAll(port: MessagePort, root: string): void {
  const lists = new Map<number, AsyncGenerator<FileBatch, void>>()

  async function answer(question: Question): Promise<void> {
    const say = (said: Omit<Answer, 'id'>, bytes: ArrayBuffer[] = []): void =>
      port.postMessage({ id: question.id, ...said }, bytes)
    try {
      const batch = 'read' in question ? packed(await readAll(root, question)) : await nextOf(question)
      say({ batch }, batch && [batch.bytes.buffer])
    } catch (error) {
      // Others end the thread: who waits for it goes on without, and whoever meets them there is told.
      if (!isFault(error)) throw error
      const { code, message, details } = error
      say({ fault: { code, message, details } })
    }
  }

  async function nextOf({ list, begin, isLeft }: Extract<Question, { list: number }>): Promise<FileBatch | undefined> {
    if (begin) lists.set(list, inBatches(listFiles(blockingFiles, { root, ...begin })))
    const files = lists.get(list)
    if (!files) throw new Error(`nobody began list ${list}`)
    const { done, value } = isLeft ? await files.return() : await files.next()
    if (done) lists.delete(list)
    return value ?? undefined
  }

  yieldToOthers()
  port.on('message', (question: Question) => void answer(question))
}

/** What cannot be read is left out. */
async function readAll(root: string, { read, upTo }: Extract<Question, { read: unknown }>): Promise<FoundFile[]> {
  const found: FoundFile[] = []
  for (const key of read) {
    const file = await readSmall(blockingFiles, path.join(root, key), upTo).catch(() => undefined)
    if (file?.bytes) found.push({ key, ...file })
  }
  return found
}

/** In Linux a thread has a priority of its own (setpriority(2), "C library/kernel differences"). Elsewhere it stays what it is. */
function yieldToOthers(): void {
  try {
    setPriority(Number(path.basename(readlinkSync('/proc/thread-self'))), constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Then it has its fair share.
  }
}

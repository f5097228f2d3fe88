import type { IncomingMessage } from 'node:http'
import type { UploadDigests } from '../../store/content/upload-digests.ts'
import type { ObjectStore } from '../../store/object-store.ts'
import type { Answer } from '../answer.ts'
import type { Outcomes } from './outcomes.ts'

/** One request for objects on its way to an answer. */
export interface ObjectsExchange {
  readonly objects: ObjectStore
  readonly digests: UploadDigests
  readonly outcomes: Outcomes
  readonly request: IncomingMessage
  readonly query: URLSearchParams
  /** What of the path lies behind that of all such things: a key, an upload's id. */
  readonly name: string
}

export type ObjectsHandler = (exchange: ObjectsExchange) => Promise<Answer>

/** What can be done with one kind of thing, by method. */
export type ObjectsHandlers = Readonly<Record<string, ObjectsHandler>>

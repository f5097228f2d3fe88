import { headers, unquoted } from '../../store/remote/wire.ts'
import type { Answer } from '../answer.ts'
import type { ObjectsExchange } from './objects-exchange.ts'
import { refusal } from './refusal-answer.ts'

/** Carries out a request that writes: once, however often it comes, and only while its fence stands. */
export function once(exchange: ObjectsExchange, work: () => Promise<Answer>): Promise<Answer> {
  const id = exchange.request.headers[headers.request]
  return exchange.outcomes.once(typeof id === 'string' ? id : undefined, async () =>
    (await isFenced(exchange)) ? fenced() : await work(),
  )
}

async function isFenced({ objects, request }: ObjectsExchange): Promise<boolean> {
  const field = request.headers[headers.fence]
  if (typeof field !== 'string') return false
  const [etag = '', key = ''] = field.split(' ')
  return (await objects.head(key))?.etag !== unquoted(etag)
}

function fenced(): Answer {
  const message = 'somebody else writes here by now: what this request is built on is no longer so'
  return refusal(409, { fault: 'conflict', message, isFenced: true })
}

import type * as z from 'zod'
import { Fault, faultCodes, type FaultCode } from '../../oci/fault.ts'
import { codeOfStatus, retryAfterOf } from '../../registry/response-fault.ts'
import { readCapped, type Answer } from '../../registry/transport.ts'
import { refusalSchema, statusOfFault, type RefusalBody } from './wire.ts'

type Said = Pick<Answer, 'status' | 'headers'> & { readonly body: Uint8Array }

/**
 * Reads a document of the mirror.
 * @throws Fault unavailable if it is none; if the answer is a refusal, the fault that it tells
 */
export function documentOf<T>(said: Said, schema: z.ZodType<T>): T {
  if (said.status >= 300) throw refusalOf(said)
  return parse(said, schema)
}

/** Why the mirror did not do what it was asked for; with `size` of an upload, `errno` and `isFenced` in the details where it tells that. */
export function refusalOf(said: Said): Fault {
  const { fault, message, ...facts } = toldBy(said)
  const retryAfterMs = retryAfterOf(said.headers)
  return new Fault(fault, message, {
    details: { status: said.status, ...facts },
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

/** The same for an answer whose body was not read. */
export async function refusalOfAnswer(answer: Answer): Promise<Fault> {
  return refusalOf({ ...answer, body: await readCapped(answer, longestRefusal) })
}

const longestRefusal = 64 * 1024

function toldBy(said: Said): RefusalBody {
  // An answer to HEAD has no words.
  if (said.body.length > 0) return parse(said, refusalSchema)
  return { fault: codeOf(said.status), message: `the mirror answered ${said.status}` }
}

function codeOf(status: number): FaultCode {
  return faultCodes.find((code) => statusOfFault[code] === status) ?? codeOfStatus(status)
}

function parse<T>({ body }: Said, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(body).toString()))
  } catch (cause) {
    throw new Fault('unavailable', 'the answer of the mirror cannot be read; is it another version?', { cause })
  }
}

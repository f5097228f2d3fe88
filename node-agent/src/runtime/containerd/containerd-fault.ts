import { status, type ServiceError } from '@grpc/grpc-js'
import { Fault, isFault, type FaultCode } from '@stowage/mirror/oci/fault'

/** What was asked of whom. */
export interface Question {
  /** `Service/Method`. */
  readonly method: string
  readonly socket: string
}

const codes: Readonly<Partial<Record<status, FaultCode>>> = {
  [status.NOT_FOUND]: 'not-found',
  [status.ALREADY_EXISTS]: 'conflict',
  [status.FAILED_PRECONDITION]: 'conflict',
  [status.ABORTED]: 'conflict',
  [status.OUT_OF_RANGE]: 'conflict',
  [status.PERMISSION_DENIED]: 'denied',
  [status.UNAUTHENTICATED]: 'denied',
  [status.RESOURCE_EXHAUSTED]: 'no-space',
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.UNIMPLEMENTED]: 'invalid',
  [status.DATA_LOSS]: 'corrupt',
}

/** Makes a fault of what a call to containerd ended with; anything else is given back as it is. */
export function containerdFault(error: unknown, { method, socket }: Question): unknown {
  if (!isServiceError(error)) return error
  const words = error.details || error.message
  const details = { grpc: status[error.code], method }
  const cause = error
  if (error.code === status.UNAVAILABLE) {
    const [code, message] = whyAway(words, socket)
    return new Fault(code, message, { cause, details })
  }
  if (/no space left on device|disk quota exceeded/i.test(words)) {
    return new Fault('no-space', `the disk of containerd is full: ${words}`, { cause, details })
  }
  // gRPC has one status for full disks and for messages that are too long.
  const code = /larger than max/i.test(words) ? 'unavailable' : (codes[error.code] ?? 'unavailable')
  return new Fault(code, `containerd, ${method}: ${words}`, { cause, details })
}

/** Whether containerd answered with this status. */
export function isAnswer(error: unknown, answer: 'NOT_FOUND' | 'ALREADY_EXISTS' | 'UNAVAILABLE'): boolean {
  return isFault(error) && error.details['grpc'] === answer
}

/** The answer, or undefined if containerd knows of no such thing. */
export async function ifThere<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isAnswer(error, 'NOT_FOUND')) return undefined
    throw error
  }
}

/** Whether it was made now: false if it was there already. */
export async function unlessThere(creation: Promise<unknown>): Promise<boolean> {
  try {
    await creation
    return true
  } catch (error) {
    if (isAnswer(error, 'ALREADY_EXISTS')) return false
    throw error
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error
}

function whyAway(words: string, socket: string): readonly [FaultCode, string] {
  if (words.includes('EACCES') || words.includes('EPERM')) {
    return ['denied', `no permission to use the socket ${socket}: run as root, or as a user that may`]
  }
  if (words.includes('ENOENT')) {
    return ['unavailable', `there is no socket ${socket}: is containerd running, and is that its socket?`]
  }
  if (words.includes('ECONNREFUSED')) return ['unavailable', `nobody answers at ${socket}: is containerd running?`]
  return ['unavailable', `containerd at ${socket} does not answer: ${words}`]
}

import { status, type ServiceError } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { Fault, isFault, type FaultCode } from '@stowage/mirror/oci/fault'
import { containerdFault, ifThere, isAnswer, unlessThere } from './containerd-fault.ts'

const question = { method: 'Images/Get', socket: '/run/c.sock' }

function answer(code: status, details: string): ServiceError {
  return Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details }) as ServiceError
}

describe('a fault made of what containerd says', () => {
  it.each<[status, string, FaultCode, string]>([
    [
      status.UNAVAILABLE,
      'No connection established. Last error: Error: connect ENOENT /run/c.sock',
      'unavailable',
      'there is no socket /run/c.sock: is containerd running, and is that its socket?',
    ],
    [
      status.UNAVAILABLE,
      'No connection established. Last error: Error: connect ECONNREFUSED /run/c.sock',
      'unavailable',
      'nobody answers at /run/c.sock: is containerd running?',
    ],
    [
      status.UNAVAILABLE,
      'No connection established. Last error: Error: connect EACCES /run/c.sock',
      'denied',
      'no permission to use the socket /run/c.sock: run as root, or as a user that may',
    ],
    [
      status.UNAVAILABLE,
      'No connection established. Last error: Error: connect EPERM /run/c.sock',
      'denied',
      'no permission to use the socket /run/c.sock: run as root, or as a user that may',
    ],
    [
      status.UNAVAILABLE,
      'Connection dropped',
      'unavailable',
      'containerd at /run/c.sock does not answer: Connection dropped',
    ],
    [
      status.UNKNOWN,
      'write /var/lib/x: no space left on device',
      'no-space',
      'the disk of containerd is full: write /var/lib/x: no space left on device',
    ],
    [
      status.UNKNOWN,
      'write /var/lib/x: disk quota exceeded',
      'no-space',
      'the disk of containerd is full: write /var/lib/x: disk quota exceeded',
    ],
    [
      status.RESOURCE_EXHAUSTED,
      'grpc: trying to send message larger than max (17000000 vs. 16777216)',
      'unavailable',
      'containerd, Images/Get: grpc: trying to send message larger than max (17000000 vs. 16777216)',
    ],
    [status.RESOURCE_EXHAUSTED, 'quota', 'no-space', 'containerd, Images/Get: quota'],
    [status.NOT_FOUND, 'image "a": not found', 'not-found', 'containerd, Images/Get: image "a": not found'],
    [status.ALREADY_EXISTS, 'it exists', 'conflict', 'containerd, Images/Get: it exists'],
    [status.FAILED_PRECONDITION, 'size', 'conflict', 'containerd, Images/Get: size'],
    [status.PERMISSION_DENIED, 'no', 'denied', 'containerd, Images/Get: no'],
    [status.INVALID_ARGUMENT, 'what?', 'invalid', 'containerd, Images/Get: what?'],
    [status.DATA_LOSS, 'oh', 'corrupt', 'containerd, Images/Get: oh'],
    [status.DEADLINE_EXCEEDED, 'late', 'unavailable', 'containerd, Images/Get: late'],
    [status.INTERNAL, 'RST_STREAM', 'unavailable', 'containerd, Images/Get: RST_STREAM'],
    [status.CANCELLED, 'cancelled', 'unavailable', 'containerd, Images/Get: cancelled'],
    [status.UNKNOWN, 'gzip: invalid header', 'unavailable', 'containerd, Images/Get: gzip: invalid header'],
  ])('with status %i, "%s", is %s', (code, words, faultCode, message) => {
    const cause = answer(code, words)
    const fault = containerdFault(cause, question)
    expect(fault).toMatchObject({ code: faultCode, message, cause })
    expect(isFault(fault) && fault.details).toEqual({ grpc: status[code], method: 'Images/Get' })
  })

  it('is none where it was none', () => {
    const bug = new TypeError('x is undefined')
    expect(containerdFault(bug, question)).toBe(bug)
    const fault = new Fault('conflict', 'a file is gone')
    expect(containerdFault(fault, question)).toBe(fault)
    expect(containerdFault(Object.assign(new Error('no file'), { code: 'ENOENT' }), question)).not.toBeInstanceOf(Fault)
  })
})

describe('what is there or not', () => {
  const fault = (code: status): unknown => containerdFault(answer(code, 'words'), question)
  const rejected = (code: status): Promise<string> => Promise.reject(fault(code))

  it('is told from other trouble', async () => {
    expect(isAnswer(fault(status.NOT_FOUND), 'NOT_FOUND')).toBe(true)
    expect(isAnswer(fault(status.NOT_FOUND), 'ALREADY_EXISTS')).toBe(false)
    expect(isAnswer(new Error('NOT_FOUND'), 'NOT_FOUND')).toBe(false)
    expect(await ifThere(Promise.resolve('it'))).toBe('it')
    expect(await ifThere(rejected(status.NOT_FOUND))).toBeUndefined()
    await expect(ifThere(rejected(status.UNAVAILABLE))).rejects.toMatchObject({ code: 'unavailable' })
    expect(await unlessThere(Promise.resolve('it'))).toBe(true)
    expect(await unlessThere(rejected(status.ALREADY_EXISTS))).toBe(false)
    await expect(unlessThere(rejected(status.UNAVAILABLE))).rejects.toMatchObject({ code: 'unavailable' })
  })
})

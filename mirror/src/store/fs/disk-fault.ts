import { Fault, type FaultCode } from '../../oci/fault.ts'

/** Whether `error` is one of the operating system with one of these codes. */
export function isErrno(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && codes.includes(error.code as string)
}

const reactions: Readonly<Record<string, readonly [FaultCode, string]>> = {
  ENOSPC: ['no-space', 'the disk is full; free some space on it or use a larger one'],
  EDQUOT: ['no-space', 'the disk quota is used up; raise it or free some space'],
  EACCES: ['denied', 'this user may not do that; give it the directory with all that is in it'],
  EPERM: [
    'denied',
    'the file system does not permit that; files must be owned by this user and may have several names',
  ],
  EROFS: ['unavailable', 'the file system is read-only; after a disk error it may have been mounted so'],
  EIO: ['unavailable', 'the disk fails; look into the kernel log'],
  EMFILE: ['unavailable', 'this process has too many open files; raise its limit'],
  ENFILE: ['unavailable', 'this machine has too many open files'],
  ENOENT: ['unavailable', 'the directory is gone; is its disk mounted?'],
  ESTALE: ['unavailable', 'the directory is gone; is its disk mounted?'],
  ENOTDIR: ['invalid', 'a file lies where a directory is needed'],
  EISDIR: ['invalid', 'a directory lies where a file is needed'],
  ENAMETOOLONG: ['invalid', 'the path is too long for this file system'],
}

/** Runs work on the disk; failures that somebody can mend become faults that name the path and what to do. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskFault(error, path)
  }
}

function diskFault(error: unknown, path: string): unknown {
  if (error instanceof Fault || !isErrno(error, ...Object.keys(reactions))) return error
  const [code, advice] = reactions[error.code ?? ''] ?? ['unavailable', 'the disk fails']
  return new Fault(code, `${path}: ${advice} (${error.code})`, { cause: error, details: { path, errno: error.code } })
}

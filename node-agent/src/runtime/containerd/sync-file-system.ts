import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Fault } from '@stowage/mirror/oci/fault'

const run = promisify(execFile)

/**
 * Makes durable all that was written to the file system of a directory (syncfs(2), which Node has not): what containerd
 * before 1.7.14 unpacks is nowhere synced, and was found as empty files after a power cut.
 * @throws Fault unavailable
 */
export async function syncFileSystem(directory: string): Promise<void> {
  try {
    await run('sync', ['-f', '--', directory])
  } catch (cause) {
    throw new Fault('unavailable', `${directory} could not be synced with sync(1): ${String(cause)}`, { cause })
  }
}

import { mkdir } from 'node:fs/promises'
import { execa } from 'execa'

/** A disk of its own that is soon full. Needs `requirePart('root')`. */
export interface SmallDisk extends AsyncDisposable {
  readonly directory: string
  /** Gives it another size in bytes; what lies on it stays. */
  resize(size: number): Promise<void>
}

/** Mounts a file system of so many bytes, in memory. Disposing of it is best after whoever writes to it has ended. */
export async function mountSmallDisk(directory: string, size: number): Promise<SmallDisk> {
  await mkdir(directory, { recursive: true })
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'stowage-test', directory])
  return {
    directory,
    resize: async (bytes) => void (await execa('mount', ['-o', `remount,size=${bytes}`, directory])),
    // Whoever used it may have unmounted it with all that was his.
    [Symbol.asyncDispose]: async () => void (await execa('umount', ['--lazy', directory], { reject: false })),
  }
}

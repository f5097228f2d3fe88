import type { FileSystem } from '../file-system.ts'
import { Fault } from '../../oci/fault.ts'

/**
 * How much of a disk uploads may take. Some of it is left to small objects: a store that is full to the last byte could
 * not even remember why nothing comes any more, and one large upload would keep all small ones out.
 */
export interface DiskRoom {
  /**
   * Keeps room for an upload until it is disposed of.
   * @param restBytes tells how many bytes are still to come
   * @throws Fault no-space if they do not fit beside those of others
   */
  claim(restBytes: () => number): Promise<Disposable>
  /** @throws Fault no-space if these bytes must not be written now */
  check(bytes: number): Promise<void>
}

export interface DiskRoomOptions {
  readonly files: Pick<FileSystem, 'freeBytes'>
  /** On the disk; messages name it. */
  readonly directory: string
  /** Bytes that uploads leave free. */
  readonly reserveBytes: number
}

export function createDiskRoom({ files, directory, reserveBytes }: DiskRoomOptions): DiskRoom {
  const claims = new Set<() => number>()

  async function refuseUnlessFits(bytes: number, claimed: number): Promise<void> {
    const left = (await files.freeBytes(directory)) - reserveBytes - claimed
    if (bytes <= left) return
    const room = `${inMebibytes(Math.max(0, left))} are left${reserveBytes > 0 ? ` besides ${inMebibytes(reserveBytes)} kept free` : ''}`
    throw new Fault(
      'no-space',
      `${directory}: no space for ${inMebibytes(bytes)} more, ${room}; free some space on the disk or use a larger one`,
    )
  }

  return {
    async claim(restBytes) {
      const others = [...claims].reduce((sum, rest) => sum + rest(), 0)
      claims.add(restBytes)
      try {
        await refuseUnlessFits(restBytes(), others)
      } catch (error) {
        claims.delete(restBytes)
        throw error
      }
      return { [Symbol.dispose]: () => void claims.delete(restBytes) }
    },
    check: (bytes) => refuseUnlessFits(bytes, 0),
  }
}

function inMebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(bytes < 100 * 1024 ** 2 ? 1 : 0)} MiB`
}

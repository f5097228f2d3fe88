import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import type { MadeImage } from '../../test/image-maker/make-image.ts'
import type { OciLayout } from '../../test/image-maker/oci-layout.ts'
import { machineOf, type Machine } from './elf.ts'

/** What the layers of an image have at a path. */
export interface ImageFile {
  readonly path: string
  readonly mode: number
  readonly size: number
  /** Of programs and libraries; not what they are loaded with. */
  readonly machine?: Machine
}

/** Reads the files of an image back from its layers, bottom first, as a runtime unpacks them. */
export async function imageFiles(layout: OciLayout, { layers }: MadeImage): Promise<ImageFile[]> {
  const byPath = new Map<string, ImageFile>()
  for (const { digest } of layers) {
    const entries = extract()
    createReadStream(layout.blobPath(digest))
      .on('error', (error) => entries.destroy(error))
      .pipe(createGunzip())
      .on('error', (error) => entries.destroy(error))
      .pipe(entries)
    for await (const entry of entries) {
      const { name, mode, size, type } = entry.header
      const machine = await readMachine(entry)
      if (type === 'file') byPath.set(name, { path: name, mode, size, ...(machine && { machine }) })
    }
  }
  return [...byPath.values()]
}

const headSize = 64

/** Tells by the first bytes; the others are read, too, for the next entry to come. */
async function readMachine(entry: AsyncIterable<unknown>): Promise<Machine | undefined> {
  let head = Buffer.alloc(0)
  for await (const piece of entry as AsyncIterable<Uint8Array>) {
    if (head.length < headSize) head = Buffer.concat([head, piece.subarray(0, headSize)])
  }
  return head.length < headSize ? undefined : machineOf(head)
}

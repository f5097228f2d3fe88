import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReadFile } from './fold-listing.ts'
import { parseFile } from './parse-file.ts'
import { describeError, signatureOf } from './scan-directory.ts'

/** Files of wishes are small; something larger is there by mistake. */
const largestFile = 4 * 1024 * 1024

export interface ReadFileOptions {
  readonly directory: string
  readonly path: string
  /** What the file was when it was last looked at. */
  readonly signature: string
}

/** Reads and parses a file; undefined if it changed since it was looked at: then its time has not come yet. */
export async function readFile({ directory, path, signature }: ReadFileOptions): Promise<ReadFile | undefined> {
  const problem = (message: string): ReadFile => ({
    signature,
    isEmpty: false,
    objects: [],
    problems: [{ severity: 'error', file: path, message }],
  })
  try {
    await using file = await open(join(directory, path))
    const { size } = await file.stat()
    if (size > largestFile) return problem(`it has ${size} bytes, more than ${largestFile}: not read`)
    const text = await file.readFile('utf8')
    if (signatureOf(await file.stat({ bigint: true })) !== signature) return undefined
    return { ...parseFile(path, text), signature, isEmpty: text === '' }
  } catch (error) {
    return problem(`it cannot be read: ${describeError(error)}`)
  }
}

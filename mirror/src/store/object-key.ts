import { Fault } from '../oci/fault.ts'

const segmentGrammar = /^[a-zA-Z0-9._:+=@-]{1,255}$/
const maxKeyLength = 1024

/** First segments that the file-system form needs for itself; refused everywhere, so that every form takes the same keys. */
const reserved: ReadonlySet<string> = new Set(['.tmp', 'uploads', 'oci-layout'])

/**
 * Refuses what is not a key of an object store: a path that could leave the store or meet its own files.
 * @throws Fault invalid
 */
export function checkKey(key: string): void {
  const segments = key.split('/')
  if (key.length > maxKeyLength || !segments.every(isSegment) || reserved.has(segments[0] ?? '')) {
    throw new Fault('invalid', `"${key.slice(0, 300)}" is not a key of an object store`)
  }
}

/**
 * Refuses what is not the id of an upload: one safe segment.
 * @throws Fault invalid
 */
export function checkUploadId(id: string): void {
  if (!isSegment(id)) throw new Fault('invalid', `"${id.slice(0, 300)}" is not an upload id`)
}

/**
 * The part of a prefix that names whole segments, without a slash at its end; `''` is the root.
 * @throws Fault invalid
 */
export function folderOfPrefix(prefix: string): string {
  const folder = prefix.slice(0, Math.max(prefix.lastIndexOf('/'), 0))
  if (folder !== '') checkKey(folder)
  return folder
}

/** Whether any key could be the object store's own at this top-level name. */
export function isReserved(firstSegment: string): boolean {
  return reserved.has(firstSegment)
}

function isSegment(text: string): boolean {
  return segmentGrammar.test(text) && text !== '.' && text !== '..'
}

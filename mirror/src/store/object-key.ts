import { Fault } from '../oci/fault.ts'

const segmentGrammar = /^[a-zA-Z0-9._:+=@-]{1,255}$/
const maxKeyLength = 1024

/** First segments that the file-system form needs for itself or finds on a disk; refused by every form alike. */
const reserved: ReadonlySet<string> = new Set(['.tmp', 'uploads', 'oci-layout', 'lost+found'])

/** Whether a text is a key of an object store: a path that neither leaves the store nor meets files of its own. */
export function isKey(text: string): boolean {
  const segments = text.split('/')
  return text.length <= maxKeyLength && segments.every(isSegment) && !reserved.has(segments[0] ?? '')
}

/** @throws Fault invalid */
export function checkKey(key: string): void {
  if (!isKey(key)) throw new Fault('invalid', `"${key.slice(0, 300)}" is not a key of an object store`)
}

/** @throws Fault invalid: an upload's id is one segment of a key */
export function checkUploadId(id: string): void {
  if (!isSegment(id)) throw new Fault('invalid', `"${id.slice(0, 300)}" is not an upload id`)
}

/**
 * The part of a prefix that names whole segments, without a slash at its end; `''` is the root.
 * @throws Fault invalid
 */
export function folderOfPrefix(prefix: string): string {
  const slash = prefix.lastIndexOf('/')
  if (slash < 0) return ''
  checkKey(prefix.slice(0, slash))
  return prefix.slice(0, slash)
}

function isSegment(text: string): boolean {
  return segmentGrammar.test(text) && text !== '.' && text !== '..'
}

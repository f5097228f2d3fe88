import { isFault } from '../oci/fault.ts'

/** Whether a disk failed to give just these bytes, as it does where a sector went bad: others can be read, and all be written over. */
export function isUnreadable(error: unknown): boolean {
  return isFault(error, 'unavailable') && error.details['errno'] === 'EIO'
}

/** Where things lie in the bucket; each ends in `/`. */
export interface Folders {
  /** Cells by the keys of the store. */
  readonly objects: string
  /** Bytes of large objects, by names of their own. */
  readonly data: string
  /** Cells that say how far an upload came, by its id. */
  readonly uploads: string
  /** Bytes of uploads under way, below the name that their data object will have. */
  readonly segments: string
}

/** @param prefix without a slash at its end; `''` is the root of the bucket */
export function foldersBelow(prefix: string): Folders {
  const root = prefix === '' ? '' : `${prefix}/`
  return { objects: `${root}objects/`, data: `${root}data/`, uploads: `${root}uploads/`, segments: `${root}segments/` }
}

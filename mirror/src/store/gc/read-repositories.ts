import { setRepository } from '../../edge/set.ts'
import { splitRepositoryKey } from '../content/content-keys.ts'
import { listWithBytes } from '../list-with-bytes.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Pace } from './pace.ts'
import { addObject, emptyRepository, type ReadRepository } from './read-repository.ts'

const root = 'repositories/'
/** Links and tags are smaller. */
const bringUpTo = 2048

/**
 * Reads what all repositories say they contain, or one of them, one after the other. What the disk fails to give is listed
 * as damaged.
 * @throws Fault unavailable if that is among sets which are read by themselves: nobody else knows what they keep elsewhere
 */
export async function* readRepositories(
  objects: ObjectStore,
  { pace, only }: { readonly pace: Pace; readonly only?: string },
): AsyncGenerator<ReadRepository> {
  let current: ReadRepository | undefined
  const prefix = only === undefined ? root : `${root}${only}/_`
  const withUnreadable = only !== setRepository
  // Keys of one repository lie together: they alone have `_` behind its name.
  const listing = { bringUpTo, isOnce: true, inBackground: true, withUnreadable }
  for await (const object of listWithBytes(objects, prefix, listing)) {
    await pace()
    const name = splitRepositoryKey(object.info.key)?.repository
    if (name === undefined) continue
    if (current?.name !== name) {
      if (current) yield current
      current = emptyRepository(name)
    }
    addObject(current, object.info.key.slice(root.length + name.length + 1), object)
  }
  if (current) yield current
}

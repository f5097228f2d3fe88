import type { ContentStore } from '@stowage/mirror/store/content-store'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { openRemoteStore } from '@stowage/mirror/store/remote/remote-store'
import { createIntegrity } from '@stowage/mirror/store/scrub/integrity'
import type { Logger } from 'pino'
import type { CommandContext } from './command-context.ts'
import { openMirrorAccess, type MirrorAccessFlags } from './mirror-access.ts'

/** All that a mirror keeps, for an operator's command. */
export interface MirrorStore extends AsyncDisposable {
  readonly content: ContentStore
  readonly objects: ObjectStore
}

/**
 * Opens the store of a mirror that runs, for who wants an answer now: a refused token is `denied` at once.
 * @throws Fault as reading the files does
 */
export async function openMirrorStore(
  context: Pick<CommandContext, 'env' | 'version'>,
  flags: MirrorAccessFlags,
  log: Logger,
): Promise<MirrorStore> {
  const access = await openMirrorAccess(context, flags, log)
  // Trouble is what the command ends with: no log need say it, too.
  const objects = openRemoteStore({ ...access, isRefusalFinal: true })
  const content = createContentStore(objects, { integrity: createIntegrity(objects) })
  return { objects, content, [Symbol.asyncDispose]: () => objects[Symbol.asyncDispose]() }
}

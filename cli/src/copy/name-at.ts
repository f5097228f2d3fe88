import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { isTag } from '@stowage/mirror/oci/reference'
import type { CopyEnd } from './copy-end.ts'

interface CopiedName {
  readonly digest: Digest
  /** What it is called at the source if nothing was said of that. */
  readonly names: readonly string[]
}

/**
 * The tag or name at the destination: as it is written there, else that of the source if it may be one there.
 * @throws Fault invalid if another digest is written there
 */
export function nameAt(to: CopyEnd, from: CopyEnd, { digest, names }: CopiedName): string | undefined {
  if (to.digest !== undefined && to.digest !== digest) {
    throw new Fault('invalid', `${to.text}: the source is ${digest}, and can have no other digest there`)
  }
  if (to.tag !== undefined || to.digest !== undefined) return to.tag
  if (from.tag !== undefined || from.digest !== undefined) return from.tag
  return names.find((name) => takesAnyName(to) || isTag(name))
}

/** Whether something without a name is kept there, and any name is one. */
export function takesAnyName({ kind }: CopyEnd): boolean {
  return kind === 'layout' || kind === 'archive'
}

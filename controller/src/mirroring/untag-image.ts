import { mirrorRepositoryOf, parseReference } from '@stowage/mirror/oci/reference'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import type { Resolution } from '../memory/resolution.ts'

/** Takes the tag away that a mirrored image was given, unless somebody else has made it mean something else since. */
export async function untagImage(
  content: Pick<ContentStore, 'repository'>,
  name: string,
  { target, mirrored }: Resolution,
): Promise<void> {
  const reference = parseReference(name)
  const { tag, digest } = reference
  if (tag === undefined || digest !== undefined) return
  const repository = content.repository(mirrorRepositoryOf(reference))
  const meant = (await repository.tag(tag))?.digest
  const own = [target?.digest, mirrored?.root.digest]
  if (meant !== undefined && own.includes(meant)) await repository.deleteTag(tag, meant)
}

const ownTypes = 'application/vnd.stowage.'

/** Whether we hung this to an image ourselves: each side makes its own, so nobody carries it along. */
export function isOwnArtifact(artifactType: string | undefined): boolean {
  return artifactType?.startsWith(ownTypes) ?? false
}

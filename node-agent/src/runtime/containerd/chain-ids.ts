import { digestOf, type Digest } from '@stowage/mirror/oci/digest'

/**
 * Names of the file systems that layers make one above the other, the lowest first: what containerd calls their snapshots
 * (image-spec, config.md, "Layer ChainID").
 */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = []
  for (const diffId of diffIds) {
    const parent = chain.at(-1)
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`))
  }
  return chain
}

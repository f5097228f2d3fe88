import { edgeNodeDefinition, imageCacheDefinition } from '@stowage/controller/api/custom-resources'
import { stringify } from 'yaml'

/** A file that is made from the project's sources and committed for those who apply it as it is. */
export interface ManifestFile {
  /** Below the project's directory. */
  readonly path: string
  readonly text: string
}

/** All of them, as they are to be. */
export function manifestFiles(): ManifestFile[] {
  return [imageCacheDefinition(), edgeNodeDefinition()].map((definition) => ({
    path: `deploy/crds/${definition.metadata.name}.yaml`,
    text: `# Made by \`npm run manifests\`.\n${stringify(definition, { lineWidth: 0, singleQuote: true, aliasDuplicateObjects: false })}`,
  }))
}

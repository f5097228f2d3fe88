import { isMap, parseAllDocuments, type Document } from 'yaml'
import { renderChart } from '../../test/harness/helm.ts'
import type { ManifestFile } from './manifest-files.ts'

/** What only says that Helm manages an object. */
const ofHelm = [
  ['metadata', 'labels', 'helm.sh/chart'],
  ['metadata', 'labels', 'app.kubernetes.io/managed-by'],
  ['metadata', 'annotations', 'helm.sh/resource-policy'],
] as const

/**
 * The chart as it comes, for those who use kubectl alone, under the names of kube-fledged's plain manifests. Without the
 * namespace: whoever deletes what is in the file must not delete the ImageCaches in it. Needs helm.
 */
export async function plainManifests(): Promise<ManifestFile[]> {
  const text = await renderChart({ fullnameOverride: 'kubefledged' })
  const documents = parseAllDocuments(text.replaceAll(/^# Source: .*\n/gm, '')).filter(
    ({ contents }) => contents !== null,
  )
  const parts = documents.map(withoutHelm)
  return [
    {
      path: 'deploy/manifests/stowage.yaml',
      text: `# Made by \`npm run manifests\` from deploy/chart.\n${parts.join('---\n')}`,
    },
  ]
}

function withoutHelm(document: Document): string {
  for (const path of ofHelm) if (document.hasIn(path)) document.deleteIn(path)
  const annotations = document.getIn(['metadata', 'annotations'])
  if (isMap(annotations) && annotations.items.length === 0) document.deleteIn(['metadata', 'annotations'])
  return document.toString({ lineWidth: 0, directives: false, flowCollectionPadding: false })
}

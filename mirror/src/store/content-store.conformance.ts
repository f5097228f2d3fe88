import type { OpenedStore } from './opened-store.conformance.ts'
import { collectedConformance } from './content/collected.conformance.ts'
import { blobSinkConformance } from './content/blob-sink.conformance.ts'
import { manifestsConformance } from './content/manifests.conformance.ts'
import { pushesConformance } from './content/pushes.conformance.ts'

/** What content and links keep to over any object store. */
export function contentStoreConformance(name: string, open: () => Promise<OpenedStore>): void {
  blobSinkConformance(name, open)
  manifestsConformance(name, open)
  pushesConformance(name, open)
  collectedConformance(name, open)
}

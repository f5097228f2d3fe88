import { createKubeApi, type KubeApi } from '@stowage/controller/kube/kube-api'
import { readKubeConfig } from '@stowage/controller/kube/kube-config'
import { isFault } from '@stowage/mirror/oci/fault'
import { namespace } from './cluster-site.ts'
import type { KubeApi as KubeServer } from './start-kube-api.ts'

export interface EditedObject {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>
    readonly finalizers?: readonly string[]
    readonly generation: number
  }
  readonly spec: Readonly<Record<string, unknown>>
  readonly status?: Readonly<Record<string, unknown>>
}

/** A user who edits one ImageCache without a pause, as administrator. */
export interface HastyUser extends Disposable {
  read(): Promise<EditedObject>
  /** As `kubectl edit` and `kubectl replace`: reads, changes, writes the whole object, and does it again after a conflict. */
  replace(change: (object: EditedObject) => EditedObject): Promise<void>
  /** As `kubectl annotate`: without a look. */
  annotate(annotations: Readonly<Record<string, string>>): Promise<void>
  /** As `kubectl apply --server-side`. */
  applyServerSide(object: object): Promise<void>
}

const longMs = 30_000

export function createHastyUser({ files }: Pick<KubeServer, 'files'>, name: string): HastyUser {
  const config = readKubeConfig({ kubeconfig: files.kubeconfig, master: undefined, isInCluster: false })
  const api = createKubeApi({ config, userAgent: 'kubectl' })
  const path = `/apis/kubefledged.io/v1alpha2/namespaces/${namespace}/imagecaches/${name}`
  const ask = (request: Omit<Parameters<KubeApi['request']>[0], 'path' | 'signal'>): Promise<unknown> =>
    api.request({ ...request, path, signal: AbortSignal.timeout(longMs) })
  const read = async (): Promise<EditedObject> => (await ask({ method: 'GET' })) as EditedObject

  return {
    read,
    async replace(change) {
      for (;;) {
        const body = change(await read())
        try {
          await ask({ method: 'PUT', body })
          return
        } catch (error) {
          if (!isFault(error, 'conflict')) throw error
        }
      }
    },
    async annotate(annotations) {
      const body = { metadata: { annotations } }
      await ask({ method: 'PATCH', body, contentType: 'application/merge-patch+json' })
    },
    async applyServerSide(object) {
      const query = { fieldManager: 'gitops' }
      await ask({ method: 'PATCH', query, body: object, contentType: 'application/apply-patch+yaml' })
    },
    [Symbol.dispose]: () => api[Symbol.dispose](),
  }
}

/** What is listed and watched. */
export interface KubeResource {
  /** For messages: `ImageCaches`. */
  readonly name: string
  readonly apiVersion: string
  readonly kind: string
  /** Of all namespaces, or of one. */
  readonly path: string
  readonly fieldSelector?: string
  /** Only metadata is sent: for objects whose rest is large and of no use here. */
  readonly metadataOnly?: boolean
}

export const imageCacheResource: KubeResource = {
  name: 'ImageCaches',
  apiVersion: 'kubefledged.io/v1alpha2',
  kind: 'ImageCache',
  path: '/apis/kubefledged.io/v1alpha2/imagecaches',
}

export const edgeNodeResource: KubeResource = {
  name: 'EdgeNodes',
  apiVersion: 'stowage.dev/v1alpha1',
  kind: 'EdgeNode',
  path: '/apis/stowage.dev/v1alpha1/edgenodes',
}

export const nodeResource: KubeResource = {
  name: 'Nodes',
  apiVersion: 'v1',
  kind: 'Node',
  path: '/api/v1/nodes',
  metadataOnly: true,
}

/** The pull secrets of one namespace. */
export function pullSecretResource(namespace: string): KubeResource {
  return {
    name: `Secrets of namespace ${namespace}`,
    apiVersion: 'v1',
    kind: 'Secret',
    path: `/api/v1/namespaces/${namespace}/secrets`,
    fieldSelector: 'type=kubernetes.io/dockerconfigjson',
  }
}

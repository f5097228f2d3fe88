import path from 'node:path'

/** Where a cluster of a test has its files, all below one directory. */
export interface ClusterFiles {
  readonly directory: string
  readonly containerd: string
  readonly etcd: string
  readonly certificates: string
  readonly serviceAccountKey: string
  readonly tokens: string
  /** For every component and for kubectl: the rights of an administrator, good inside the cluster's network alone. */
  readonly kubeconfig: string
  readonly kubeletConfig: string
  readonly kubelet: string
}

/** Names all files; makes none. */
export function clusterFiles(directory: string): ClusterFiles {
  const at = (name: string): string => path.join(directory, name)
  return {
    directory,
    containerd: at('containerd'),
    etcd: at('etcd'),
    certificates: at('certificates'),
    serviceAccountKey: at('service-account.key'),
    tokens: at('tokens.csv'),
    kubeconfig: at('kubeconfig'),
    kubeletConfig: at('kubelet.json'),
    kubelet: at('kubelet'),
  }
}

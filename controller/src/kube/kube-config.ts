import { KubeConfig } from '@kubernetes/client-node'
import { Fault } from '@stowage/mirror/oci/fault'

export interface KubeConfigOptions {
  /** Files with `:` between, as KUBECONFIG has them. */
  readonly kubeconfig: string | undefined
  /** The API server's URL, over that of the file. */
  readonly master: string | undefined
  /** Whether this runs in a pod of a cluster. */
  readonly isInCluster: boolean
}

/**
 * Finds the cluster: what is named, or else the one that this runs in.
 * @throws Fault invalid
 */
export function readKubeConfig({ kubeconfig, master, isInCluster }: KubeConfigOptions): KubeConfig {
  const config = new KubeConfig()
  const files = (kubeconfig ?? '').split(':').filter(Boolean)
  for (const [index, file] of files.entries()) mergeFile(config, file, index > 0)
  if (files.length === 0) loadWithoutFile(config, { master, isInCluster })
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Fault('invalid', `${files.join(':')}: current-context names no cluster that is in it`)
  if (master !== undefined) Object.assign(cluster, { server: master })
  const isUrl = /^https?:$/.test(URL.parse(cluster.server)?.protocol ?? '')
  const where = master === undefined ? `the server of cluster "${cluster.name}" in the kubeconfig` : '--master'
  if (!isUrl)
    throw new Fault(
      'invalid',
      `${where}: "${cluster.server}" is not the URL of a server, such as https://10.0.0.1:6443`,
    )
  // Somebody who writes http:// has said that nobody needs to be believed.
  if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true })
  return config
}

function mergeFile(config: KubeConfig, file: string, isNext: boolean): void {
  try {
    const read = new KubeConfig()
    read.loadFromFile(file)
    if (isNext) addWhatIsNew(config, read)
    else Object.assign(config, read)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : (code ?? 'it is no kubeconfig')
    throw new Fault('invalid', `kubeconfig ${file} cannot be read: ${why}`, { cause })
  }
}

/** As kubectl does: of two of one name the first one counts. */
function addWhatIsNew(config: KubeConfig, next: KubeConfig): void {
  for (const kind of ['clusters', 'users', 'contexts'] as const) {
    const known = new Set(config[kind].map(({ name }) => name))
    Object.assign(config, { [kind]: [...config[kind], ...next[kind].filter(({ name }) => !known.has(name))] })
  }
}

function loadWithoutFile(config: KubeConfig, { master, isInCluster }: Omit<KubeConfigOptions, 'kubeconfig'>): void {
  if (isInCluster) config.loadFromCluster()
  else if (master !== undefined)
    config.loadFromClusterAndUser({ name: 'master', server: master, skipTLSVerify: false }, { name: 'nobody' })
  else
    throw new Fault(
      'invalid',
      'no cluster: this does not run in a pod; name a kubeconfig with --kubeconfig or KUBECONFIG, or a server with --master',
    )
}

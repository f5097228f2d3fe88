import path from 'node:path'
import { cniPlugins } from '../cni-plugins.ts'

/** Where a containerd of a test has its files, all below one directory. */
export interface ContainerdFiles {
  readonly directory: string
  readonly config: string
  readonly log: string
  readonly socket: string
  readonly root: string
  /** Whole blobs by their hex, of all namespaces; made when it is needed. */
  readonly blobs: string
  /** A folder for each blob that is being written. */
  readonly ingests: string
  readonly state: string
  /** With a folder and a hosts.toml for each registry whose mirror CRI is to ask; read at each pull. */
  readonly certs: string
  readonly cni: string
  /** What containers print. */
  readonly podLogs: string
}

/** The image that holds a pod together, in every release; the name is only a name, nothing is fetched from there. */
export const pauseImageName = 'registry.k8s.io/pause:3.10'

/** Names all files; makes none. */
export function containerdFiles(directory: string): ContainerdFiles {
  const at = (name: string): string => path.join(directory, name)
  return {
    directory,
    config: at('config.toml'),
    log: at('containerd.log'),
    socket: at('containerd.sock'),
    root: at('root'),
    blobs: at('root/io.containerd.content.v1.content/blobs/sha256'),
    ingests: at('root/io.containerd.content.v1.content/ingest'),
    state: at('state'),
    certs: at('certs.d'),
    cni: at('cni'),
    podLogs: at('pods'),
  }
}

type Settings = Readonly<Record<string, string | number | boolean | readonly string[]>>

/** The configuration of a containerd with CRI, as its first number wants it. */
export function containerdConfig({ files, major }: { files: ContainerdFiles; major: number }): string {
  const plugins = major === 1 ? pluginsOfOne(files) : pluginsOfTwo(files)
  const tables: [string, Settings][] = [
    ['grpc', { address: files.socket }],
    [plugin('io.containerd.internal.v1.opt'), { path: path.join(files.directory, 'opt') }],
    // It would open a socket that all have in common.
    [plugin('io.containerd.nri.v1.nri'), { disable: true }],
    ...plugins,
  ]
  const top: Settings = {
    version: major === 1 ? 2 : 3,
    root: files.root,
    state: files.state,
    temp: path.join(files.directory, 'tmp'),
    imports: [],
  }
  return [toml(top), ...tables.map(([name, settings]) => `[${name}]\n${toml(settings)}`)].join('\n')
}

const runtimeSettings: Settings = {
  disable_apparmor: true,
  // A machine of a test may lack the right to make the kernel spare a process.
  restrict_oom_score_adj: true,
  netns_mounts_under_state_dir: true,
}

function pluginsOfOne(files: ContainerdFiles): [string, Settings][] {
  const cri = plugin('io.containerd.grpc.v1.cri')
  return [
    [cri, { ...runtimeSettings, sandbox_image: pauseImageName }],
    [`${cri}.cni`, { bin_dir: cniPlugins, conf_dir: files.cni }],
    [`${cri}.registry`, { config_path: files.certs }],
  ]
}

function pluginsOfTwo(files: ContainerdFiles): [string, Settings][] {
  const [runtime, images] = [plugin('io.containerd.cri.v1.runtime'), plugin('io.containerd.cri.v1.images')]
  return [
    [runtime, runtimeSettings],
    [`${runtime}.cni`, { bin_dirs: [cniPlugins], conf_dir: files.cni }],
    [`${images}.pinned_images`, { sandbox: pauseImageName }],
    [`${images}.registry`, { config_path: files.certs }],
  ]
}

function plugin(name: string): string {
  return `plugins."${name}"`
}

/** JSON's strings and lists are TOML's. */
function toml(settings: Settings): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('')
}

/** A network for pods that do not use the node's own: addresses of `subnet`, a point-to-point link for each. */
export function cniConfig({ files, subnet }: { files: ContainerdFiles; subnet: string }): string {
  const dataDir = path.join(files.directory, 'ipam')
  const routes = [{ dst: '0.0.0.0/0' }]
  const ipam = { type: 'host-local', dataDir, ranges: [[{ subnet }]], routes }
  return JSON.stringify({ cniVersion: '0.4.0', name: 'stowage-test', plugins: [{ type: 'ptp', ipam }] })
}

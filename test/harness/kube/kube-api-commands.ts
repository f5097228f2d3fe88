import path from 'node:path'
import { kubeProgram } from './kube-programs.ts'

export interface KubeApiPorts {
  readonly etcd: number
  readonly etcdPeer: number
  readonly api: number
}

/** Where an API server of a test has its files. */
export interface KubeApiFiles {
  readonly directory: string
  readonly etcd: string
  readonly certificates: string
  readonly serviceAccountKey: string
  readonly tokens: string
  /** The rights of an administrator. */
  readonly kubeconfig: string
}

/** Names all files; makes none. */
export function kubeApiFiles(directory: string): KubeApiFiles {
  const at = (name: string): string => path.join(directory, name)
  return {
    directory,
    etcd: at('etcd'),
    certificates: at('certificates'),
    serviceAccountKey: at('service-account.key'),
    tokens: at('tokens.csv'),
    kubeconfig: at('kubeconfig'),
  }
}

type Command = readonly [file: string, ...args: string[]]

/** By this argument the etcd of a directory is found again. */
export function etcdMark({ etcd }: KubeApiFiles): string {
  return `--data-dir=${etcd}`
}

/** By this argument the API server of a directory is found again. */
export function apiServerMark({ certificates }: KubeApiFiles): string {
  return `--cert-dir=${certificates}`
}

export function etcdCommand(files: KubeApiFiles, ports: KubeApiPorts): Command {
  const [client, peer] = [`http://127.0.0.1:${ports.etcd}`, `http://127.0.0.1:${ports.etcdPeer}`]
  return [
    kubeProgram('etcd'),
    etcdMark(files),
    // It dies with its test: nothing in it should outlive a power cut.
    '--unsafe-no-fsync',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
  ]
}

export function apiServerCommand(files: KubeApiFiles, ports: KubeApiPorts): Command {
  return [
    kubeProgram('kube-apiserver'),
    apiServerMark(files),
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    // Nobody reaches it through a Service, and a loopback address is none for that.
    '--endpoint-reconciler-type=none',
    `--secure-port=${ports.api}`,
    // Loopback: what listens at a Service's address is reached without a kube-proxy.
    '--service-cluster-ip-range=127.96.0.0/16',
    `--service-account-key-file=${files.serviceAccountKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    '--service-account-issuer=https://stowage.test',
    `--token-auth-file=${files.tokens}`,
    '--authorization-mode=RBAC',
    // Nobody makes the accounts' tokens here.
    '--disable-admission-plugins=ServiceAccount',
  ]
}

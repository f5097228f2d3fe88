import path from 'node:path'
import { toolDirectory } from '../../tools/tool-directory.ts'
import { kubeProgram } from '../kube/kube-programs.ts'
import type { ClusterFiles } from './cluster-files.ts'

/** How one program of the cluster is called. */
export interface ClusterCommand {
  readonly program: 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubelet'
  readonly file: string
  readonly args: readonly string[]
}

/** The node's address, on an interface of its own in the cluster's network. */
export const nodeAddress = '10.95.0.1'

/** Where the components find the API server; the cluster has its network for itself, so all ports are free. */
export const apiServer = 'https://127.0.0.1:6443'

/** Where pods ask for names. */
export const nameServer = '10.96.0.10'

const etcdUrl = 'http://127.0.0.1:2379'

/** The node's name. */
export const nodeName = 'edge-1'

/** All programs of a cluster, in the order in which they are started. */
export function clusterCommands(files: ClusterFiles): readonly ClusterCommand[] {
  const { kubeconfig, serviceAccountKey } = files
  const client = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--bind-address=127.0.0.1']
  const kubernetes = (program: ClusterCommand['program'], args: readonly string[]): ClusterCommand => ({
    program,
    file: program === 'kube-apiserver' ? kubeProgram(program) : path.join(toolDirectory('kubernetes'), program),
    args: [...args, `--cert-dir=${path.join(files.certificates, program)}`],
  })
  return [
    {
      program: 'etcd',
      file: kubeProgram('etcd'),
      // A cluster that dies with its test has nothing that should outlive a power cut.
      args: [`--data-dir=${files.etcd}`, '--unsafe-no-fsync'],
    },
    kubernetes('kube-apiserver', [
      `--etcd-servers=${etcdUrl}`,
      `--advertise-address=${nodeAddress}`,
      '--service-cluster-ip-range=10.96.0.0/24',
      `--service-account-key-file=${serviceAccountKey}`,
      `--service-account-signing-key-file=${serviceAccountKey}`,
      '--service-account-issuer=https://stowage.test',
      `--token-auth-file=${files.tokens}`,
      '--authorization-mode=Node,RBAC',
      // Its name is no name that anybody resolves.
      '--kubelet-preferred-address-types=InternalIP',
      '--allow-privileged=true',
    ]),
    kubernetes('kube-controller-manager', [
      ...client,
      `--service-account-private-key-file=${serviceAccountKey}`,
      '--use-service-account-credentials',
      // The API server's own, with its authority behind it: by it pods know the API server.
      `--root-ca-file=${path.join(files.certificates, 'kube-apiserver', 'apiserver.crt')}`,
    ]),
    kubernetes('kube-scheduler', client),
    kubernetes('kubelet', [
      `--config=${files.kubeletConfig}`,
      `--kubeconfig=${kubeconfig}`,
      `--root-dir=${files.kubelet}`,
      `--node-ip=${nodeAddress}`,
      `--hostname-override=${nodeName}`,
    ]),
  ]
}

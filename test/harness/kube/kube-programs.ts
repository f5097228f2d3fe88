import path from 'node:path'
import { toolDirectory, whyNotInstalled } from '../../tools/tool-directory.ts'
import { isExecutable } from '../find-command.ts'

const groups = { etcd: 'etcd', 'kube-apiserver': 'kubernetes', kubectl: 'kubernetes' } as const
type KubeProgram = keyof typeof groups

/** Where a program of the control plane lies: in `KUBEBUILDER_ASSETS` if that is set, else among our tools. */
export function kubeProgram(name: KubeProgram): string {
  return path.join(process.env['KUBEBUILDER_ASSETS'] ?? toolDirectory(groups[name]), name)
}

/** Why an API server cannot be started here, or undefined if it can. */
export function whyNoKubeApi(): string | undefined {
  if (process.env['KUBEBUILDER_ASSETS'] === undefined) return whyNotInstalled('kubernetes') ?? whyNotInstalled('etcd')
  const absent = Object.keys(groups).find((name) => !isExecutable(kubeProgram(name as KubeProgram)))
  return absent && `no ${absent} in KUBEBUILDER_ASSETS`
}
